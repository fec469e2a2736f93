/** Extensions of Fulcio's certificates (its oid-info.md): issuer of the token, as a UTF8String. */
export const ISSUER_V2 = '1.3.6.1.4.1.57264.1.8';
/** The same, as bare bytes: older. */
export const ISSUER_V1 = '1.3.6.1.4.1.57264.1.1';
/** Tags of a GeneralName (RFC 5280 section 4.2.1.6). */
export const RFC822_NAME = 1;
export const URI = 6;
