/** Validates rendered configurations with HAProxy and keepalived, where they are installed. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Test } from 'tap'

const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin` }
const has = (program: string, version: string): boolean => spawnSync(program, [version], { env }).status === 0

/** Reasons for `skip`; false where the program can be used. */
export const noHaproxy = !has('haproxy', '-v') && 'haproxy is not installed'
export const noKeepalived =
  !(has('keepalived', '--version') && process.getuid?.() === 0) &&
  'keepalived is not installed, or the test does not run as root'

/** Expects that HAProxy accepts these files without a warning. */
export function expectValidHaproxy(t: Test, paths: readonly string[]): void {
  const files = paths.flatMap((path) => ['-f', path])
  const { status, stderr } = spawnSync('haproxy', ['-c', ...files], { env, encoding: 'utf8' })
  const messages = stderr.split('\n').filter((line) => /ALERT|WARNING/.test(line))
  t.same({ status, messages }, { status: 0, messages: [] })
}

/** Expects that keepalived accepts this configuration without a warning. */
export function expectValidKeepalived(t: Test, text: string): void {
  const device = / {2}interface (\w+)$/m.exec(text)?.[1] ?? ''
  const path = join(t.testdir({ 'keepalived.conf': text }), 'keepalived.conf')
  // In a separate network namespace, because the interface must exist. Version 2.2.7 ends such a test with SIGTERM to
  // itself (acassen/keepalived#2587).
  const script = `trap '' TERM; ip link add ${device} type veth peer name other; exec keepalived -t --log-console -f '${path}'`
  const options = { env, encoding: 'utf8', timeout: 20_000 } as const
  const { stderr, stdout, status } = spawnSync('unshare', ['--net', 'sh', '-c', script], options)
  t.same({ output: stdout + stderr, status }, { output: '', status: 0 })
}
