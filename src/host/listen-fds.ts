/** Sockets that systemd opened for this process: the environment's half of sd_listen_fds(3). */

type Environment = Record<string, string | undefined>

const firstDescriptor = 3

/**
 * Descriptors by FileDescriptorName, in the order of the socket units. The variables are taken out of
 * `environment`, so that no child process believes they are meant for it.
 *
 * @returns nothing when the descriptors were passed to another process (`LISTEN_PID`)
 */
export function takeListenFds(environment: Environment, pid: number): ReadonlyMap<string, readonly number[]> {
  const isForUs = Number(environment['LISTEN_PID']) === pid
  const count = isForUs ? Number(environment['LISTEN_FDS']) : 0
  const names = (environment['LISTEN_FDNAMES'] ?? '').split(':')
  for (const variable of ['LISTEN_PID', 'LISTEN_PIDFDID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) {
    Reflect.deleteProperty(environment, variable)
  }
  const descriptorsByName = new Map<string, number[]>()
  for (let index = 0; index < count; index++) {
    // sd_listen_fds_with_names(3) calls a descriptor without a name "unknown".
    const name = names[index] || 'unknown'
    descriptorsByName.set(name, [...(descriptorsByName.get(name) ?? []), firstDescriptor + index])
  }
  return descriptorsByName
}
