export type Schema = Readonly<Record<string, unknown>>;

export const text: Schema = { type: 'string' };
export const flag: Schema = { type: 'boolean' };
export const anyObject: Schema = { type: 'object' };
export const texts: Schema = { type: 'object', additionalProperties: { type: 'string' } };
export const objects: Schema = { type: 'array', items: anyObject };
export const names: Schema = { type: 'array', items: { type: 'string', minLength: 1 }, uniqueItems: true };
export const duration: Schema = { type: 'string', pattern: '^([0-9]+(s|m|h))+$' };

export function whole(minimum: number, maximum: number): Schema {
  return { type: 'integer', minimum, maximum };
}

export function oneOf(...values: readonly string[]): Schema {
  return { type: 'string', enum: values };
}

/** An object of the chart's own: a key that it does not know is an error. */
export function own(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: 'object', additionalProperties: false, properties };
}
