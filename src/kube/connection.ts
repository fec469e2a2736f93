import type { Dispatcher } from 'undici';

/** What a call to the API server needs now: tokens and certificates change. */
export interface Access {
  readonly dispatcher: Dispatcher;
  readonly headers: Readonly<Record<string, string>>;
}

/** The way to one API server. */
export interface KubeConnection {
  /** `https://10.96.0.1:443`, without a slash at its end. */
  readonly server: string;
  /** Of the Pod or of the kubeconfig's context. */
  readonly namespace: string | undefined;
  /** As the kubeconfig calls it; for messages. */
  readonly user: string;
  /** Throws KUBERNETES_UNAVAILABLE where the credentials cannot be had. */
  access(): Promise<Access>;
  /** Forgets the credentials: the API server has refused them. */
  renew(): void;
  /** Ends watches, too. */
  close(): Promise<void>;
}
