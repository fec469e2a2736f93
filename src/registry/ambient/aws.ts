import type { GetAuthorizationTokenCommandOutput } from '@aws-sdk/client-ecr';
import type { Clock } from '../../protocol/ports.ts';
import { errorCode } from '../error-code.ts';
import type { AskCloud } from './ambient-credentials.ts';
import { noCredential } from './cloud-call.ts';
import { cloudOf } from './cloud-of.ts';

/** Calls GetAuthorizationToken of a region's ECR. */
export type AskEcr = (
  place: { readonly region: string; readonly isFips: boolean },
  signal: AbortSignal,
) => Promise<Pick<GetAuthorizationTokenCommandOutput, 'authorizationData'>>;

const SERVICE = 'Amazon ECR';
const ATTEMPTS = 2;

/** With AWS's own search for an identity: environment, service account (IRSA), EKS Pod Identity, ECS, machine. */
export const askEcr: AskEcr = async ({ region, isFips }, abortSignal) => {
  // loaded where it is needed: nobody else pays for its 24 packages
  const { ECRClient, GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr');
  const client = new ECRClient({ region, useFipsEndpoint: isFips, maxAttempts: ATTEMPTS });
  try {
    return await client.send(new GetAuthorizationTokenCommand({}), { abortSignal });
  } finally {
    client.destroy();
  }
};

/** https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html */
export function makeAskAws(ecr: AskEcr, clock: Clock): AskCloud {
  return async (registry, signal) => {
    const cloud = cloudOf(registry);
    if (cloud?.name !== 'aws') throw noCredential(SERVICE, `${registry} is none of its registries`);
    const { authorizationData } = await ask(ecr, cloud, signal);
    const [data] = authorizationData ?? [];
    return {
      ...loginOf(data?.authorizationToken ?? ''),
      ...lifetime(data?.expiresAt, clock),
      service: SERVICE,
    };
  };
}

/** `AWS:<password>` in base64. */
function loginOf(token: string): { readonly username: string; readonly password: string } {
  const [username, password] = Buffer.from(token, 'base64').toString('utf8').split(':', 2);
  if (!username || !password) throw noCredential(SERVICE, 'its answer holds no token');
  return { username, password };
}

function lifetime(until: Date | undefined, clock: Clock): { readonly seconds: number } {
  return { seconds: until === undefined ? 0 : (until.getTime() - clock.now()) / 1000 };
}

async function ask(ecr: AskEcr, place: Parameters<AskEcr>[0], signal: AbortSignal) {
  try {
    return await ecr(place, signal);
  } catch (error) {
    const why = errorCode(error) ?? (error instanceof Error ? error.name : 'no answer');
    throw noCredential(SERVICE, why, error);
  }
}
