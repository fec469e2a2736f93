import { describe, expect, it } from '@jest/globals';
import { HELMS, template } from './render.ts';

const ROWS: readonly (readonly [values: string, says: RegExp])[] = [
  ['webhok.replicaCount=3', /additional propert(y|ies) '?webhok/i],
  ['webhook.replicas=3', /additional propert(y|ies) '?replicas/i],
  ['webhook.timeoutSeconds=31', /timeoutSeconds[\s\S]*30/],
  ['webhook.failurePolicy=Maybe', /failurePolicy[\s\S]*Ignore/],
  ['webhook.tls.mode=genCA', /mode[\s\S]*cert-manager/],
  ['image.digest=latest', /digest[\s\S]*sha256/],
  ['config.log.kid=rekor-v2', /additional propert(y|ies) '?kid/i],
  ['config.log.url=rekor', /url[\s\S]*https/],
  ['config.store.kind=directory', /additional propert(y|ies) '?store/i],
  ['config.admin.listen=:80', /additional propert(y|ies) '?admin/i],
  ['config.log.kind=embedded', /embedded keeps the log in one process.*use rekor-v1/],
  ['config.signer.kind=keyless', /needs config\.signer\.issuer/],
  ['config.admission.pullSecrets=true', /set secretAccess\.scope/],
  ['secretAccess.scope=namespaces', /needs secretAccess\.namespaces/],
  ['webhook.tls.mode=existingSecret', /set webhook\.tls\.existingSecret/],
  ['webhook.tls.mode=existingSecret,webhook.tls.existingSecret=a', /set webhook\.tls\.caBundle/],
  ['webhook.tls.caBundle=a', /are for webhook\.tls\.mode existingSecret, and the mode is self/],
  ['controller.enabled=false', /needs the controller, which keeps the CA/],
  ['controller.enabled=false,webhook.enabled=false', /nobody makes the keys/],
  [
    'controller.enabled=false,webhook.enabled=false,proxy.enabled=false,keys.existingSecret=a',
    /nothing would run/,
  ],
  ['fullnameOverride=a-name-that-is-much-too-long-for-all-that-is-made-of-it', /fullnameOverride/],
];

describe.each(HELMS)('%s', (helm) => {
  it.each(ROWS)('refuses %s and says why', async (values, says) => {
    const { code, stderr } = await template(helm, ['--set', values]);
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
  });
});
