const MAX_LENGTH = 200;

/** Foreign text made safe for a message: quoted, cut at 200 characters, control characters escaped. */
export function quote(text: string): string {
  const cut = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
  // JSON leaves C1 controls, line separators and bidirectional overrides alone; a terminal would obey them
  return JSON.stringify(cut).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
