/** A host as the API of the assisted service lists it, without a state and a stage: the service omits empty ones. */
export const assistedHost = {
  id: '3f0e4a2c-0000-4000-8000-000000000001',
  kind: 'Host',
  href: '/api/assisted-install/v2/infra-envs/1/hosts/1',
  status_info: '',
  status_updated_at: '2026-11-01T10:00:00.000Z',
  progress: { stage_started_at: '0001-01-01T00:00:00.000Z', stage_updated_at: '0001-01-01T00:00:00.000Z' },
}
