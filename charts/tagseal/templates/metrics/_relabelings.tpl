{{/* The role of a Pod as a label of its metrics. */}}
{{- define "tagseal.relabelings" -}}
relabelings:
  - sourceLabels: [__meta_kubernetes_pod_label_app_kubernetes_io_component]
    targetLabel: role
{{- end -}}
