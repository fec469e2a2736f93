/** `ENOENT`, `EACCES` ... of a failed file operation; undefined for any other error. */
export function fileProblemCode(error: unknown): string | undefined {
  return textField(error, 'code');
}

/** What the system says about it, without code, call and path: the message around it names the file. */
export function fileProblem(error: unknown): string {
  const message = textField(error, 'message') ?? String(error);
  return /^E[A-Z0-9]+: ([^,]+)/.exec(message)?.[1] ?? message;
}

function textField(error: unknown, name: 'code' | 'message'): string | undefined {
  // not instanceof: an error of node:fs may come from another realm
  if (typeof error !== 'object' || error === null || !(name in error)) return undefined;
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' ? value : undefined;
}
