{{- define "exeat.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "exeat.labels" -}}
app.kubernetes.io/part-of: exeat
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "exeat.id" -}}
spiffe://{{ .Values.trustDomain }}/ns/{{ .Release.Namespace }}/sa
{{- end }}

{{- define "exeat.broker" -}}
{{ include "exeat.id" . }}/exeat-broker/broker/{{ .Values.broker.name }}
{{- end }}

{{- define "exeat.inject" -}}
namespace: {{ .Release.Namespace }}
{{- if eq .Values.injector.certificate.mode "svid" }}
certificate:
  mode: svid
  id: {{ include "exeat.id" . }}/exeat-injector
  workload-api: /run/spire/agent/{{ .Values.sidecar.workloadSocket }}
  registration: { webhook: exeat }
{{- end }}
sidecar:
  trust-domain: {{ .Values.trustDomain }}
  image: {{ include "exeat.image" . }}
  uid: {{ int .Values.sidecar.uid }}
  group: {{ int .Values.sidecar.group }}
  csi-driver: {{ .Values.sidecar.csiDriver }}
  workload-socket: {{ .Values.sidecar.workloadSocket }}
{{- if eq .Values.form "relayed" }}
  relay:
    to: exeat-broker.{{ .Release.Namespace }}.svc:{{ int .Values.broker.port }}
    broker: {{ include "exeat.broker" . }}
{{- end }}
{{- end }}

{{- define "exeat.podSecurity" -}}
runAsUser: {{ int .Values.sidecar.uid }}
runAsGroup: {{ int .Values.sidecar.uid }}
fsGroup: {{ int .Values.sidecar.uid }}
runAsNonRoot: true
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "exeat.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "exeat.config" -}}
{{- $config := deepCopy .Values.config }}
{{- if and .Values.policies (not (hasKey $config "policy")) }}
{{- $_ := set $config "policy" (dict "folder" "/etc/exeat/policies") }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{- define "exeat.catalogue" -}}
{{- $catalogue := deepCopy .Values.catalogue }}
{{- if .Values.draining }}
{{- range $catalogue.agents }}
{{- $_ := set . "intents" list }}
{{- end }}
{{- end }}
{{- toYaml $catalogue }}
{{- end }}

{{- define "exeat.dns" -}}
- to:
    - namespaceSelector:
        matchLabels: { kubernetes.io/metadata.name: kube-system }
      podSelector:
        matchLabels: { k8s-app: kube-dns }
  ports:
    - { protocol: UDP, port: 53 }
    - { protocol: TCP, port: 53 }
{{- end }}

{{- define "exeat.authorities" -}}
{{- if .Values.authorities }}
{{- toYaml .Values.authorities | nindent 2 }}
{{- end }}
{{- end }}
