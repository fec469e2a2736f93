declare const digestBrand: unique symbol;

/** `algorithm:hex` of the bytes, sha256 or sha512 (OCI image-spec, descriptor.md "Digests"). Made by parseDigest only. */
export type Digest = string & { readonly [digestBrand]: true };
