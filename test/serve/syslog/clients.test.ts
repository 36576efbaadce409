/** Real programs that send syslog: logger of util-linux, which runs in most installers, and bash. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { systemClock } from '../../../src/host/clock.ts'
import { Counters } from '../../../src/host/counters.ts'
import { createSockets } from '../../../src/host/sockets.ts'
import { startSyslog } from '../../../src/serve/syslog/service.ts'
import { silentLog } from '../../support/silent-log.ts'
import { until } from '../../support/until.ts'

const hasLogger = String(spawnSync('logger', ['--version']).stdout).includes('util-linux')

const ways: readonly (readonly [name: string, options: readonly string[], usesTcp: boolean])[] = [
  ['RFC 5424 over UDP', ['--udp', '--rfc5424'], false],
  ['RFC 3164 over UDP', ['--udp', '--rfc3164'], false],
  ['RFC 5424 over TCP with octet counting', ['--tcp', '--rfc5424', '--octet-count'], true],
  ['RFC 3164 over TCP with a newline', ['--tcp', '--rfc3164'], true],
]

t.test('logger is understood', { skip: !hasLogger && 'logger of util-linux is not installed' }, async (t) => {
  const service = await startSyslog({
    plan: () => ({ address: '127.0.0.1', port: 0, senders: new Map([['127.0.0.1', 'ocp45/w1']]) }),
    sockets: createSockets({}),
    clock: systemClock,
    counters: new Counters(),
    log: silentLog(),
    onLost: (error) => t.fail(error.message),
  })
  const { nodeLogs, listening } = service
  t.teardown(() => service.close(0))
  for (const [index, [name, options, usesTcp]] of ways.entries()) {
    const [, port = ''] =
      /:(\d+)$/.exec(listening.find((text) => text.startsWith(usesTcp ? 'tcp' : 'udp')) ?? '') ?? []
    const target = ['--server', '127.0.0.1', '--port', port, '--tag', 'installer', '--priority', 'daemon.err']
    const child = spawn('logger', [...options, ...target, `Gr\u00fc\u00dfe by ${name}`], { stdio: 'inherit' })
    t.same(await once(child, 'exit'), [0, null], name)
    await until(() => nodeLogs.read('ocp45/w1').lines.length > index)
    const expected = { severity: 3, app: 'installer', text: `Gr\u00fc\u00dfe by ${name}` }
    t.match(nodeLogs.read('ocp45/w1').lines.at(-1), expected, name)
  }
})
