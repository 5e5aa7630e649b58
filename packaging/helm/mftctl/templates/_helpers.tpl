{{/* The name of the release's objects. */}}
{{- define "mftctl.name" -}}
{{- if contains "mftctl" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-mftctl" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "mftctl.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/name: mftctl
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "mftctl.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "mftctl.name" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{/* What pods of workers and of Jobs have in common, beside their containers. */}}
{{- define "mftctl.pod" -}}
serviceAccountName: {{ include "mftctl.serviceAccount" . }}
# A Service named mftctl or temporal would set MFTCTL_PORT, TEMPORAL_PORT and others.
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
volumes:
  - name: home
    emptyDir: {}
  - name: tmp
    emptyDir:
      sizeLimit: {{ .Values.tmpSize }}
  - name: cache
    emptyDir:
      sizeLimit: {{ .Values.cacheSize }}
  {{- if .Values.config }}
  - name: config
    configMap:
      name: {{ include "mftctl.name" . }}
      items:
        - key: config.toml
          path: config.toml
  {{- end }}
  {{- with .Values.temporal.tls.secret }}
  - name: tls
    secret:
      secretName: {{ . }}
      defaultMode: 0440
  {{- end }}
{{- end }}

{{/* What their containers have in common: image (imageTag: another tag), environment and folders. */}}
{{- define "mftctl.container" -}}
image: "{{ .Values.image.repository }}:{{ coalesce .imageTag .Values.image.tag .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
envFrom:
  - configMapRef:
      name: {{ include "mftctl.name" . }}-environment
  {{- with .Values.envFrom }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumeMounts:
  - name: home
    mountPath: /home/mftctl
  - name: tmp
    mountPath: /tmp
  - name: cache
    mountPath: /var/cache/mftctl
  {{- if .Values.config }}
  - name: config
    mountPath: /etc/mftctl
    readOnly: true
  {{- end }}
  {{- if .Values.temporal.tls.secret }}
  - name: tls
    mountPath: /etc/temporal-tls
    readOnly: true
  {{- end }}
{{- end }}

{{/* Variables of their containers that are not in the ConfigMap. */}}
{{- define "mftctl.env" -}}
{{- with .Values.temporal.apiKeySecret }}
- name: TEMPORAL_API_KEY
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: api-key
{{- end }}
{{- end }}
