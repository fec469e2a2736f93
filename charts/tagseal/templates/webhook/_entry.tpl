{{/* Of both webhook configurations. */}}
{{- define "tagseal.webhookAnnotations" -}}
{{- $all := deepCopy .Values.webhook.annotations -}}
{{- if eq .Values.webhook.tls.mode "cert-manager" -}}
{{- $_ := set $all "cert-manager.io/inject-ca-from" (printf "%s/%s-webhook" (include "tagseal.namespace" .) (include "tagseal.fullname" .)) -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{/* One webhook without its rules and selectors: (dict "root" $ "name" "" "path" "" "failurePolicy" "" "timeoutSeconds" 10). */}}
{{- define "tagseal.webhook" -}}
{{- $ := .root -}}
name: {{ .name }}.tagseal.dev
admissionReviewVersions: [v1]
sideEffects: NoneOnDryRun
matchPolicy: Equivalent
failurePolicy: {{ .failurePolicy }}
timeoutSeconds: {{ .timeoutSeconds }}
clientConfig:
  service:
    name: {{ include "tagseal.fullname" $ }}-webhook
    namespace: {{ include "tagseal.namespace" $ }}
    path: {{ .path }}
    port: {{ $.Values.webhook.service.port }}
  {{- /* in the other modes somebody else fills it in, and that field must have one owner */}}
  {{- if eq $.Values.webhook.tls.mode "existingSecret" }}
  caBundle: {{ $.Values.webhook.tls.caBundle | b64enc }}
  {{- end }}
{{- end -}}

{{- define "tagseal.podRules" -}}
rules:
  - apiGroups: ['']
    apiVersions: [v1]
    resources: [pods]
    operations: [CREATE, UPDATE]
    scope: Namespaced
  - apiGroups: ['']
    apiVersions: [v1]
    resources: [pods/ephemeralcontainers]
    operations: [UPDATE]
    scope: Namespaced
{{- include "tagseal.selectors" . }}
matchConditions:
  # a static Pod runs already; refusing its image in the API server would only hide it
  - name: not-a-mirror-pod
    expression: "!('kubernetes.io/config.mirror' in object.?metadata.?annotations.orValue({}))"
  {{- with .Values.webhook.matchConditions }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "tagseal.selectors" }}
namespaceSelector:
  {{- include "tagseal.namespaceSelector" (dict "root" . "modes" nil) | trim | nindent 2 }}
{{- with .Values.webhook.objectSelector }}
objectSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "tagseal.ownRules" -}}
rules:
  - apiGroups: [tagseal.dev]
    apiVersions: ['*']
    resources: [{{ .resource }}]
    operations: {{ toJson .operations }}
    scope: Cluster
{{- end -}}
