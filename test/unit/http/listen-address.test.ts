import { describe, expect, it } from '@jest/globals';
import { parseListenAddress } from '../../../src/http/listen-address.ts';
import { codeOf } from '../../support/throw-with-code.ts';

describe('parseListenAddress', () => {
  it.each([
    ['127.0.0.1:5050', { host: '127.0.0.1', port: 5050 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    [':8443', { port: 8443 }],
    ['[::1]:65535', { host: '::1', port: 65_535 }],
  ])('reads %s', (text, address) => {
    expect(parseListenAddress(text, 'proxy.listen')).toEqual(address);
  });

  it.each([
    '',
    '5050',
    'localhost',
    'localhost:',
    ':65536',
    '::1:80',
    'a b:80',
    'http://x:80',
    ':-1',
    ':1e3',
  ])('refuses %j and names the setting', async (text) => {
    expect(await codeOf(() => parseListenAddress(text, 'proxy.listen'))).toBe('CONFIG_INVALID');
    expect(() => parseListenAddress(text, 'proxy.listen')).toThrow('proxy.listen');
  });
});
