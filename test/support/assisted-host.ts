/** A host as the API of the assisted service lists it, without a state. */
export const assistedHost = {
  id: '3f0e4a2c-0000-4000-8000-000000000001',
  kind: 'Host',
  href: '/api/assisted-install/v2/infra-envs/1/hosts/1',
  status_info: '',
  status_updated_at: '2026-11-01T10:00:00.000Z',
  progress: { current_stage: '', installation_percentage: 0 },
}
