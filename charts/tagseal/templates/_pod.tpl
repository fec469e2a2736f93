{{/* A role's Deployment: (dict "root" $ "role" "webhook"). */}}
{{- define "tagseal.deployment" -}}
{{- $ := .root -}}
{{- $role := .role -}}
{{- $own := index $.Values $role -}}
{{- $name := printf "%s-%s" (include "tagseal.fullname" $) $role -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  namespace: {{ include "tagseal.namespace" $ }}
  {{- include "tagseal.meta" . | nindent 2 }}
spec:
  {{- if not (dig "autoscaling" "enabled" false $own) }}
  replicas: {{ $own.replicaCount }}
  {{- end }}
  revisionHistoryLimit: {{ $.Values.revisionHistoryLimit }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  selector:
    matchLabels:
      {{- include "tagseal.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- merge (include "tagseal.selectorLabels" . | fromYaml) (dict "app.kubernetes.io/part-of" "tagseal") (include "tagseal.setting" (dict "root" $ "role" $role "key" "podLabels") | fromYaml) $.Values.commonLabels | toYaml | nindent 8 }}
      annotations:
        # nobody reads the config file again: a new one means new Pods
        checksum/config: {{ include (print $.Template.BasePath "/configmap.yaml") $ | sha256sum }}
        {{- with include "tagseal.setting" (dict "root" $ "role" $role "key" "podAnnotations") | fromYaml }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "tagseal.podSpec" . | nindent 6 }}
{{- end -}}

{{- define "tagseal.podSpec" -}}
{{- $ := .root -}}
{{- $role := .role -}}
serviceAccountName: {{ include "tagseal.serviceAccountName" . }}
automountServiceAccountToken: true
enableServiceLinks: false
{{- with $.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if and (eq $role "webhook") $.Values.webhook.hostNetwork }}
hostNetwork: true
dnsPolicy: ClusterFirstWithHostNet
{{- end }}
terminationGracePeriodSeconds: {{ include "tagseal.setting" (dict "root" $ "role" $role "key" "terminationGracePeriodSeconds") }}
{{- $priority := include "tagseal.setting" (dict "root" $ "role" $role "key" "priorityClassName") | trimAll "\"'" }}
{{- if $priority }}
priorityClassName: {{ $priority }}
{{- end }}
securityContext:
  {{- include "tagseal.setting" (dict "root" $ "role" $role "key" "podSecurityContext") | nindent 2 }}
containers:
  - name: {{ $role }}
    image: {{ include "tagseal.image" $ }}
    imagePullPolicy: {{ $.Values.image.pullPolicy }}
    args:
      - serve
      - --config
      - /etc/tagseal/tagseal.yaml
      {{- with include "tagseal.setting" (dict "root" $ "role" $role "key" "extraArgs") | fromYamlArray }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    env:
      {{- include "tagseal.env" . | trim | nindent 6 }}
    ports:
      {{- if eq $role "webhook" }}
      - name: webhook
        containerPort: 8443
      {{- else if eq $role "proxy" }}
      - name: proxy
        containerPort: 5050
      {{- end }}
      - name: metrics
        containerPort: 9090
    startupProbe:
      httpGet: { path: /readyz, port: metrics }
      periodSeconds: 1
      timeoutSeconds: 3
      failureThreshold: 120
    readinessProbe:
      httpGet: { path: /readyz, port: metrics }
      periodSeconds: 5
      timeoutSeconds: 3
      failureThreshold: 2
    livenessProbe:
      httpGet: { path: /healthz, port: metrics }
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 6
    lifecycle:
      preStop:
        # until no endpoint leads here any more
        sleep: { seconds: 5 }
    resources:
      {{- include "tagseal.setting" (dict "root" $ "role" $role "key" "resources") | nindent 6 }}
    securityContext:
      {{- include "tagseal.setting" (dict "root" $ "role" $role "key" "securityContext") | nindent 6 }}
    volumeMounts:
      {{- include "tagseal.mounts" . | nindent 6 }}
volumes:
  {{- include "tagseal.volumes" . | nindent 2 }}
{{- range $key := list "nodeSelector" "affinity" }}
{{- with include "tagseal.setting" (dict "key" $key "root" $ "role" $role) | fromYaml }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with include "tagseal.setting" (dict "root" $ "role" $role "key" "tolerations") | fromYamlArray }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  {{- with include "tagseal.setting" (dict "root" $ "role" $role "key" "topologySpreadConstraints") | fromYamlArray }}
  {{- toYaml . | nindent 2 }}
  {{- else }}
  {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "tagseal.selectorLabels" (dict "root" $ "role" $role) | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
  {{- end }}
{{- end -}}

{{/* What makes a Pod its role. Server-side apply refuses a name twice, so further variables replace. */}}
{{- define "tagseal.env" -}}
{{- $ := .root -}}
{{- $role := .role -}}
{{- $all := dict -}}
{{- range $door, $of := dict "ADMISSION" "webhook" "PROXY" "proxy" "CONTROLLER" "controller" -}}
{{- $name := printf "TAGSEAL_%s_ENABLED" $door -}}
{{- $_ := set $all $name (dict "name" $name "value" (eq $of $role | toString)) -}}
{{- end -}}
{{- if and (include "tagseal.hasToken" $) (not (dig "signer" "identity" "" $.Values.config)) -}}
{{- $_ := set $all "TAGSEAL_SIGNER_IDENTITY" (dict "name" "TAGSEAL_SIGNER_IDENTITY" "value" (include "tagseal.tokenIdentity" .)) -}}
{{- end -}}
{{- range include "tagseal.setting" (dict "root" $ "role" $role "key" "extraEnv") | fromYamlArray -}}
{{- $_ := set $all .name . -}}
{{- end -}}
{{- range $name := keys $all | sortAlpha }}
- {{ toYaml (index $all $name) | nindent 2 | trim }}
{{- end }}
{{- end -}}

{{- define "tagseal.mounts" -}}
{{- $ := .root -}}
{{- $role := .role -}}
- name: config
  mountPath: /etc/tagseal/tagseal.yaml
  subPath: tagseal.yaml
  readOnly: true
{{- if $.Values.files }}
- name: files
  mountPath: /etc/tagseal/files
  readOnly: true
{{- end }}
{{- if $.Values.keys.existingSecret }}
- name: keys
  mountPath: /etc/tagseal/keys
  readOnly: true
{{- end }}
{{- if $.Values.registryCredentials.existingSecret }}
- name: registries
  mountPath: /etc/tagseal/registries
  readOnly: true
{{- end }}
{{- if and (eq .role "webhook") (include "tagseal.tlsSecret" $) }}
- name: tls
  mountPath: /etc/tagseal/tls
  readOnly: true
{{- end }}
{{- if include "tagseal.hasToken" $ }}
- name: sigstore-token
  mountPath: /var/run/secrets/sigstore
  readOnly: true
{{- end }}
- name: data
  mountPath: /var/lib/tagseal
- name: tmp
  mountPath: /tmp
{{- with include "tagseal.setting" (dict "root" $ "role" $role "key" "extraVolumeMounts") | fromYamlArray }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "tagseal.volumes" -}}
{{- $ := .root -}}
{{- $role := .role -}}
- name: config
  configMap:
    name: {{ include "tagseal.fullname" $ }}
{{- if $.Values.files }}
- name: files
  configMap:
    name: {{ include "tagseal.fullname" $ }}-files
{{- end }}
{{- with $.Values.keys }}
{{- if .existingSecret }}
- name: keys
  secret:
    secretName: {{ .existingSecret }}
    defaultMode: 0440
    items:
      {{- if not (include "tagseal.isKeyless" $) }}
      - { key: {{ .signerKey | quote }}, path: signer.key }
      {{- end }}
      - { key: {{ .blindingKey | quote }}, path: blinding.key }
{{- end }}
{{- end }}
{{- with $.Values.registryCredentials.existingSecret }}
- name: registries
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items:
      - { key: .dockerconfigjson, path: config.json }
{{- end }}
{{- if and (eq .role "webhook") (include "tagseal.tlsSecret" $) }}
- name: tls
  secret:
    secretName: {{ include "tagseal.tlsSecret" $ }}
    defaultMode: 0440
{{- end }}
{{- if include "tagseal.hasToken" $ }}
- name: sigstore-token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken:
          audience: {{ $.Values.keyless.audience }}
          expirationSeconds: {{ $.Values.keyless.expirationSeconds }}
          path: token
{{- end }}
- name: data
  emptyDir:
    sizeLimit: 256Mi
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- with include "tagseal.setting" (dict "root" $ "role" $role "key" "extraVolumes") | fromYamlArray }}
{{ toYaml . }}
{{- end }}
{{- end -}}
