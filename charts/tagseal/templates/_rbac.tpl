{{/* Every role reads records and makes them: whoever sees a tag first records it. Nobody of ours deletes any. */}}
{{- define "tagseal.recordRules" }}
- apiGroups: [tagseal.dev]
  resources: [tagrecords]
  verbs: [get, list, watch, create, patch]
- apiGroups: [tagseal.dev]
  resources: [tagpolicies]
  verbs: [get, list, watch]
{{- end -}}

{{- define "tagseal.namespaceRules" }}
- apiGroups: ['']
  resources: [namespaces]
  verbs: [get, list, watch]
{{- end -}}

{{- define "tagseal.pullSecretRules" -}}
- apiGroups: ['']
  resources: [secrets, serviceaccounts]
  verbs: [get]
{{- end -}}

{{- define "tagseal.clusterRules.webhook" }}
{{- include "tagseal.recordRules" . }}
{{- include "tagseal.namespaceRules" . }}
{{- if and (dig "admission" "pullSecrets" false .Values.config) (eq .Values.secretAccess.scope "cluster") }}
{{ include "tagseal.pullSecretRules" . }}
{{- end }}
{{- end -}}

{{- define "tagseal.clusterRules.proxy" }}
{{- include "tagseal.recordRules" . }}
{{- end -}}

{{- define "tagseal.clusterRules.controller" }}
{{- include "tagseal.recordRules" . }}
- apiGroups: [tagseal.dev]
  resources: [tagapprovals]
  verbs: [get, list, watch]
- apiGroups: [tagseal.dev]
  resources: [tagpolicies/status, tagapprovals/status]
  verbs: [patch]
{{- include "tagseal.namespaceRules" . }}
{{- if dig "controller" "scan" true .Values.config }}
- apiGroups: ['']
  resources: [pods]
  verbs: [list]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}
{{- if and .Values.webhook.enabled (eq .Values.webhook.tls.mode "self") }}
# the caBundle
- apiGroups: [admissionregistration.k8s.io]
  resources: [mutatingwebhookconfigurations, validatingwebhookconfigurations]
  resourceNames: [{{ include "tagseal.fullname" . }}]
  verbs: [get, patch]
{{- end }}
{{- end -}}

{{/* What is kept in the own namespace. The names of state are known only at run time. */}}
{{- define "tagseal.stateRules" }}
- apiGroups: ['']
  resources: [configmaps]
  verbs: [get, create, patch]
{{- end -}}

{{/* Names of the Secrets that the program keeps: (dict "root" $ "ca" true). */}}
{{- define "tagseal.ownSecrets" -}}
{{- $ := .root -}}
{{- $names := list -}}
{{- if not $.Values.keys.existingSecret -}}{{- $names = append $names (printf "%s-keys" (include "tagseal.fullname" $)) -}}{{- end -}}
{{- if and .ca $.Values.webhook.enabled (eq $.Values.webhook.tls.mode "self") -}}{{- $names = append $names (printf "%s-ca" (include "tagseal.fullname" $)) -}}{{- end -}}
{{- toJson $names -}}
{{- end -}}

{{- define "tagseal.readSecretRules" }}
{{- $names := include "tagseal.ownSecrets" . }}
{{- if ne $names "[]" }}
- apiGroups: ['']
  resources: [secrets]
  resourceNames: {{ $names }}
  verbs: [get]
{{- end }}
{{- end -}}

{{- define "tagseal.rules.webhook" }}
{{- include "tagseal.readSecretRules" (dict "root" . "ca" true) }}
{{- include "tagseal.stateRules" . }}
{{- end -}}

{{- define "tagseal.rules.proxy" }}
{{- include "tagseal.readSecretRules" (dict "root" . "ca" false) }}
{{- include "tagseal.stateRules" . }}
{{- end -}}

{{/* Only the controller makes Secrets: who may create one may ask for the token of any service account beside it. */}}
{{- define "tagseal.rules.controller" }}
{{- $names := include "tagseal.ownSecrets" (dict "root" . "ca" true) }}
{{- if ne $names "[]" }}
- apiGroups: ['']
  resources: [secrets]
  verbs: [create]
- apiGroups: ['']
  resources: [secrets]
  resourceNames: {{ $names }}
  verbs: [get, update]
{{- end }}
{{- include "tagseal.stateRules" . }}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "tagseal.fullname" . }}-controller]
  verbs: [get, update]
{{- end -}}
