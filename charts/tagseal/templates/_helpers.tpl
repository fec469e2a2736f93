{{- define "tagseal.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Also `kubernetes.name` of the program: the names of its Secrets, ConfigMaps and Lease begin with it. */}}
{{- define "tagseal.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "tagseal.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "tagseal.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "tagseal.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{/* Every image of the chart goes through here. */}}
{{- define "tagseal.image" -}}
{{- $image := .Values.image -}}
{{- $registry := default $image.registry .Values.global.imageRegistry -}}
{{- $name := ternary (printf "%s/%s" $registry $image.repository) $image.repository (ne $registry "") -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* (dict "root" $ "role" "webhook"); a role is optional. */}}
{{- define "tagseal.selectorLabels" -}}
app.kubernetes.io/name: {{ include "tagseal.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .role }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "tagseal.labels" -}}
{{- include "tagseal.selectorLabels" . }}
app.kubernetes.io/part-of: tagseal
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels and annotations of an object: (dict "root" $ "role" "" "annotations" (dict)). */}}
{{- define "tagseal.meta" -}}
labels:
  {{- include "tagseal.labels" . | nindent 2 }}
{{- with merge (dict) (default (dict) .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "tagseal.serviceAccountName" -}}
{{- $account := (index .root.Values .role).serviceAccount -}}
{{- if $account.create -}}
{{- default (printf "%s-%s" (include "tagseal.fullname" .root) .role) $account.name -}}
{{- else -}}
{{- default "default" $account.name -}}
{{- end -}}
{{- end -}}

{{/* The roles that run, as a JSON list. */}}
{{- define "tagseal.roles" -}}
{{- $roles := list -}}
{{- range $role := list "webhook" "controller" "proxy" -}}
{{- if (index $.Values $role).enabled -}}{{- $roles = append $roles $role -}}{{- end -}}
{{- end -}}
{{- toJson $roles -}}
{{- end -}}

{{/* A setting of the role's block, else the one for all: (dict "root" $ "role" "webhook" "key" "resources"); as YAML. */}}
{{- define "tagseal.setting" -}}
{{- $own := index .root.Values .role -}}
{{- if hasKey $own .key -}}
{{- toYaml (index $own .key) -}}
{{- else -}}
{{- toYaml (index .root.Values .key) -}}
{{- end -}}
{{- end -}}

{{- define "tagseal.isKeyless" -}}
{{- if eq (dig "signer" "kind" "key" .Values.config) "keyless" -}}true{{- end -}}
{{- end -}}

{{/* Keyless by tokens of the Pod's own service account. */}}
{{- define "tagseal.hasToken" -}}
{{- if and (include "tagseal.isKeyless" .) (eq (dig "signer" "tokenSource" "file" .Values.config) "file") (not (dig "signer" "tokenFile" "" .Values.config)) -}}true{{- end -}}
{{- end -}}

{{/* What Fulcio puts into a certificate for a service account's token. */}}
{{- define "tagseal.tokenIdentity" -}}
{{- printf "https://kubernetes.io/namespaces/%s/serviceaccounts/%s" (include "tagseal.namespace" .root) (include "tagseal.serviceAccountName" .) -}}
{{- end -}}

{{/* Namespaces that no webhook looks at, as a JSON list. */}}
{{- define "tagseal.excludedNamespaces" -}}
{{- concat (list (include "tagseal.namespace" .) "kube-system" "kube-node-lease") .Values.webhook.excludedNamespaces | uniq | toJson -}}
{{- end -}}

{{/* (dict "root" $ "modes" (list ...)); without modes every label but "off": a slip of the pen must not open a door */}}
{{- define "tagseal.namespaceSelector" -}}
{{- $selector := .root.Values.webhook.namespaceSelector -}}
{{- with $selector.matchLabels }}
matchLabels:
  {{- toYaml . | nindent 2 }}
{{- end }}
matchExpressions:
  {{- with .modes }}
  - key: tagseal.dev/mode
    operator: In
    values: {{ toJson . }}
  {{- else }}
  - key: tagseal.dev/mode
    operator: Exists
  - key: tagseal.dev/mode
    operator: NotIn
    values: ["off"]
  {{- end }}
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values: {{ include "tagseal.excludedNamespaces" .root }}
  {{- with $selector.matchExpressions }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
