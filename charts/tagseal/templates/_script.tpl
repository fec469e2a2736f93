{{/* A Pod that runs a script of files/: (dict "root" $ "component" "cleanup" "script" "x.mjs" "args" (list ...)). */}}
{{- define "tagseal.scriptPod" -}}
{{- $ := .root -}}
{{- $name := printf "%s-%s" (include "tagseal.fullname" $) .component -}}
serviceAccountName: {{ $name }}
automountServiceAccountToken: true
enableServiceLinks: false
restartPolicy: Never
{{- with $.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml $.Values.podSecurityContext | nindent 2 }}
containers:
  - name: {{ .component }}
    image: {{ include "tagseal.image" $ }}
    imagePullPolicy: {{ $.Values.image.pullPolicy }}
    command: [/nodejs/bin/node]
    args: {{ concat (list (printf "/scripts/%s" .script)) .args | toJson }}
    resources:
      requests: { cpu: 10m, memory: 64Mi }
      limits: { memory: 256Mi }
    securityContext:
      {{- toYaml $.Values.securityContext | nindent 6 }}
    volumeMounts:
      - { name: scripts, mountPath: /scripts, readOnly: true }
volumes:
  - name: scripts
    configMap:
      name: {{ $name }}
{{- with $.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Its ServiceAccount and ConfigMap: the same, and "annotations". */}}
{{- define "tagseal.scriptParts" -}}
{{- $ := .root -}}
{{- $name := printf "%s-%s" (include "tagseal.fullname" $) .component -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  namespace: {{ include "tagseal.namespace" $ }}
  {{- include "tagseal.scriptMeta" . | nindent 2 }}
automountServiceAccountToken: false
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $name }}
  namespace: {{ include "tagseal.namespace" $ }}
  {{- include "tagseal.scriptMeta" . | nindent 2 }}
data:
  {{- range list "api.mjs" .script }}
  {{ . }}: |
    {{- $.Files.Get (printf "files/%s" .) | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "tagseal.scriptMeta" -}}
{{- include "tagseal.meta" (dict "root" .root "role" .component "annotations" .annotations) -}}
{{- end -}}
