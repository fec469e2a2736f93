{{/* The program's config file: `config`, and what only the chart can know. */}}
{{- define "tagseal.config" -}}
{{- $own := dict
  "dataDir" "/var/lib/tagseal"
  "store" (dict "kind" "kubernetes")
  "kubernetes" (dict "name" (include "tagseal.fullname" .) "namespace" (include "tagseal.namespace" .))
  "admin" (dict "listen" ":9090")
  "admission" (dict "listen" ":8443" "serviceName" (printf "%s-webhook" (include "tagseal.fullname" .)) "tls" (include "tagseal.tls" . | fromYaml))
  "proxy" (dict "listen" ":5050")
-}}
{{- if .Values.keys.existingSecret -}}
{{- $_ := set $own "blindingKeyFile" "/etc/tagseal/keys/blinding.key" -}}
{{- if not (include "tagseal.isKeyless" .) -}}
{{- $_ := set $own "signer" (dict "keyFile" "/etc/tagseal/keys/signer.key") -}}
{{- end -}}
{{- end -}}
{{- if include "tagseal.hasToken" . -}}
{{- $signer := dict "tokenFile" "/var/run/secrets/sigstore/token" -}}
{{- if not (dig "signer" "identity" "" .Values.config) -}}
{{- $identities := dig "signer" "acceptedIdentities" (list) .Values.config -}}
{{- range $role := include "tagseal.roles" . | fromJsonArray -}}
{{- $identities = append $identities (dict "identity" (include "tagseal.tokenIdentity" (dict "root" $ "role" $role)) "issuer" $.Values.config.signer.issuer) -}}
{{- end -}}
{{- $_ := set $signer "acceptedIdentities" $identities -}}
{{- end -}}
{{- $_ := set $own "signer" $signer -}}
{{- end -}}
{{- if .Values.registryCredentials.existingSecret -}}
{{- $_ := set $own "registries" (dict "credentialsFile" "/etc/tagseal/registries/config.json") -}}
{{- end -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $own) -}}
{{- end -}}

{{- define "tagseal.tls" -}}
{{- if eq .Values.webhook.tls.mode "self" -}}
mode: cluster
{{- else -}}
mode: files
certFile: /etc/tagseal/tls/tls.crt
keyFile: /etc/tagseal/tls/tls.key
{{- end -}}
{{- end -}}

{{- define "tagseal.tlsSecret" -}}
{{- if eq .Values.webhook.tls.mode "existingSecret" -}}
{{- .Values.webhook.tls.existingSecret -}}
{{- else if eq .Values.webhook.tls.mode "cert-manager" -}}
{{- printf "%s-webhook-tls" (include "tagseal.fullname" .) -}}
{{- end -}}
{{- end -}}

{{/* What a schema cannot say. */}}
{{- define "tagseal.check" -}}
{{- $tls := .Values.webhook.tls -}}
{{- if eq (dig "log" "kind" "embedded" .Values.config) "embedded" -}}
{{- fail "config.log.kind embedded keeps the log in one process, and a cluster runs several: use rekor-v1 (alone it is the public-good instance) or rekor-v2" -}}
{{- end -}}
{{- if and .Values.webhook.enabled (eq $tls.mode "existingSecret") -}}
{{- if not $tls.existingSecret -}}{{- fail "webhook.tls.mode existingSecret needs the name of the Secret: set webhook.tls.existingSecret" -}}{{- end -}}
{{- if not $tls.caBundle -}}{{- fail "webhook.tls.mode existingSecret needs the certificates that the API server is to trust: set webhook.tls.caBundle" -}}{{- end -}}
{{- end -}}
{{- if and (ne $tls.mode "existingSecret") (or $tls.existingSecret $tls.caBundle) -}}
{{- fail (printf "webhook.tls.existingSecret and webhook.tls.caBundle are for webhook.tls.mode existingSecret, and the mode is %s" $tls.mode) -}}
{{- end -}}
{{- if and .Values.webhook.enabled (eq $tls.mode "self") (not .Values.controller.enabled) -}}
{{- fail "webhook.tls.mode self needs the controller, which keeps the CA: set controller.enabled, or another webhook.tls.mode" -}}
{{- end -}}
{{- if and (not .Values.controller.enabled) (not .Values.keys.existingSecret) -}}
{{- fail "without the controller nobody makes the keys: set controller.enabled or keys.existingSecret" -}}
{{- end -}}
{{- if and (dig "admission" "pullSecrets" false .Values.config) (eq .Values.secretAccess.scope "none") -}}
{{- fail "config.admission.pullSecrets reads the Secrets of namespaces: set secretAccess.scope to cluster or namespaces" -}}
{{- end -}}
{{- if and (eq .Values.secretAccess.scope "namespaces") (not .Values.secretAccess.namespaces) -}}
{{- fail "secretAccess.scope namespaces needs secretAccess.namespaces" -}}
{{- end -}}
{{- if and (include "tagseal.hasToken" .) (not (dig "signer" "issuer" "" .Values.config)) -}}
{{- fail "config.signer.kind keyless needs config.signer.issuer: the cluster's issuer of service-account tokens (kubectl get --raw /.well-known/openid-configuration)" -}}
{{- end -}}
{{- if eq (include "tagseal.roles" .) "[]" -}}
{{- fail "webhook.enabled, controller.enabled and proxy.enabled are all false: nothing would run" -}}
{{- end -}}
{{- end -}}
