/**
 * Pointers: Ignition files such as `master.ign` and `worker.ign` that contain only the URL of the machine configuration
 * and the certificate authority of its server. Pure.
 */

/** Reports whether a configuration is only a pointer, which another pointer can replace. */
export function isPointer(config: unknown): boolean {
  const { ignition } = fields(config)
  const { config: merged, security } = fields(ignition)
  const { merge } = fields(merged)
  const { tls } = fields(security)
  const [first, ...more] = Array.isArray(merge) ? (merge as readonly unknown[]) : []
  return (
    typeof fields(first)['source'] === 'string' &&
    more.length === 0 &&
    hasOnly(config, 'ignition') &&
    hasOnly(ignition, 'version', 'config', 'security') &&
    hasOnly(merged, 'merge') &&
    hasOnly(security, 'tls') &&
    hasOnly(tls, 'certificateAuthorities')
  )
}

/** Returns the URLs of the configurations that it merges. */
export function mergeSources(config: unknown): readonly string[] {
  const { merge } = fields(fields(fields(config)['ignition'])['config'])
  const all = Array.isArray(merge) ? (merge as readonly unknown[]) : []
  return all.map((each) => fields(each)['source']).filter((source) => typeof source === 'string')
}

function hasOnly(value: unknown, ...names: readonly string[]): boolean {
  return Object.entries(fields(value)).every(([name, each]) => names.includes(name) || isEmpty(each))
}

/** The machine-config operator writes empty fields: `"proxy": {}`, `"verification": {}`. */
function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value === null || value === ''
  return Object.values(value).every(isEmpty)
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}
