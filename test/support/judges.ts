/** HAProxy and keepalived themselves, where they are installed, as judges of what is rendered for them. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Test } from 'tap'

const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin` }
const has = (program: string, version: string): boolean => spawnSync(program, [version], { env }).status === 0

/** Why they cannot be asked, for `skip`; false where they can. */
export const noHaproxy = !has('haproxy', '-v') && 'haproxy is not installed: nothing judged the configuration'
export const noKeepalived =
  !(has('keepalived', '--version') && process.getuid?.() === 0) &&
  'keepalived is not installed, or this is not root: nothing judged the configuration'

/** HAProxy finds nothing to complain of in files that it is started with. */
export function acceptedByHaproxy(t: Test, paths: readonly string[]): void {
  const files = paths.flatMap((path) => ['-f', path])
  const { status, stderr } = spawnSync('haproxy', ['-c', ...files], { env, encoding: 'utf8' })
  const complaints = stderr.split('\n').filter((line) => /ALERT|WARNING/.test(line))
  t.same({ status, complaints }, { status: 0, complaints: [] })
}

/** keepalived finds nothing to complain of. */
export function acceptedByKeepalived(t: Test, text: string): void {
  const device = / {2}interface (\w+)$/m.exec(text)?.[1] ?? ''
  const path = join(t.testdir({ 'keepalived.conf': text }), 'keepalived.conf')
  // In a network of its own, because keepalived wants to see the interface. 2.2.7 ends such a test
  // by SIGTERM to itself (acassen/keepalived#2587).
  const script = `trap '' TERM; ip link add ${device} type veth peer name other; exec keepalived -t --log-console -f '${path}'`
  const options = { env, encoding: 'utf8', timeout: 20_000 } as const
  const { stderr, stdout, status } = spawnSync('unshare', ['--net', 'sh', '-c', script], options)
  t.same({ said: stdout + stderr, status }, { said: '', status: 0 })
}
