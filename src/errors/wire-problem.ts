export const REACH = 'check that it runs and that the network lets tagseal reach it';

/** What a code of Node's sockets or TLS, or of undici, means for who waits for a server; `trust` says how its CA is named. */
export function wireProblems(trust: string): Readonly<Record<string, string>> {
  const brokeOff = `it broke off the connection; ${REACH}`;
  const noWay = `there is no way to its network; ${REACH}`;
  const inTime = `no connection came about in time; ${REACH}`;
  const untrusted = `its certificate is by an authority that is not trusted; ${trust}`;
  return {
    ECONNREFUSED: `it refused the connection; ${REACH}`,
    ECONNRESET: brokeOff,
    EPIPE: brokeOff,
    UND_ERR_SOCKET: brokeOff,
    ENOTFOUND: 'the host name has no address; check its spelling and the DNS',
    EAI_AGAIN: 'the DNS does not answer; check the resolver of this machine',
    EHOSTUNREACH: noWay,
    ENETUNREACH: noWay,
    ETIMEDOUT: inTime,
    UND_ERR_CONNECT_TIMEOUT: inTime,
    UND_ERR_HEADERS_TIMEOUT: 'it gave no answer in time; try again when it is less busy',
    UND_ERR_BODY_TIMEOUT: 'its answer stood still; try again when it is less busy',
    SELF_SIGNED_CERT_IN_CHAIN: untrusted,
    DEPTH_ZERO_SELF_SIGNED_CERT: `its certificate is by itself and not trusted; ${trust}`,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
    CERT_SIGNATURE_FAILURE: `its certificate is not by the trusted authority; ${trust}`,
    CERT_HAS_EXPIRED: 'its certificate has expired; renew it',
    ERR_TLS_CERT_ALTNAME_INVALID: `its certificate is for another name; ${trust}`,
  };
}
