/** What an Event holds. */
const MAX_BYTES = 1024;

export interface DeniedText {
  readonly field: string;
  readonly message: string;
}

/**
 * One block for each denied image text, in spec order; the fields stand at the end of its first line. Blocks that no longer
 * fit are named by their fields. Stable: no counters, no clocks.
 */
export function denialMessage(images: readonly DeniedText[]): string {
  const fieldsByMessage = new Map<string, string[]>();
  for (const { field, message } of images) {
    const fields = fieldsByMessage.get(message);
    if (fields === undefined) fieldsByMessage.set(message, [field]);
    else fields.push(field);
  }

  const blocks: string[] = [];
  const rest: string[] = [];
  let room = MAX_BYTES;
  for (const [message, fields] of fieldsByMessage) {
    const block = withFields(message, fields);
    room -= Buffer.byteLength(block) + 1;
    // the first is always told in full, and order is kept
    if (blocks.length === 0 || (room >= 0 && rest.length === 0)) blocks.push(block);
    else rest.push(...fields);
  }
  return rest.length === 0 ? blocks.join('\n') : `${blocks.join('\n')}\n${alsoDenied(rest)}`;
}

function withFields(message: string, fields: readonly string[]): string {
  const end = message.indexOf('\n');
  const head = end === -1 ? message : message.slice(0, end);
  const tail = end === -1 ? '' : message.slice(end);
  return `${head} (${listed(fields)})${tail}`;
}

function alsoDenied(fields: readonly string[]): string {
  return `also denied: ${listed(fields)}`;
}

const LISTED = 4;

function listed(fields: readonly string[]): string {
  if (fields.length <= LISTED) return fields.join(', ');
  return `${fields.slice(0, LISTED).join(', ')} and ${fields.length - LISTED} more`;
}
