/** The logs of a node: logger, rsyslog, and the script of live systems send them, and the command line prints them. */
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { syslogScript } from '../../../../src/plan/ignition/syslog-unit.ts'
import type { LogLine } from '../../../../src/serve/syslog/node-logs.ts'
import { expectEqual, expectMatch } from '../../expect.ts'
import { addresses, clientInterface } from '../../network.ts'
import type { Rig } from '../../rig.ts'
import type { Check } from '../../runner.ts'
import { controlSocket, slipway } from '../../server.ts'
import { client, nodes } from '../../site.ts'
import { addClientAddress, flushClientAddresses, waitUntil } from '../client.ts'

const { w1 } = nodes
const port = '514'

export const syslogChecks: readonly Check[] = [
  {
    name: 'shapes: logger, rsyslog, and the script of live systems send the log of a node; others are ignored',
    limitMs: 90_000,
    async run(rig) {
      const dir = join(rig.dir, 'syslog')
      await mkdir(dir, { recursive: true })
      const command = async (...args: string[]) => {
        const { stdout } = await rig.run(
          'server',
          slipway(...args, '--control', controlSocket(rig.site.sitePath)),
        )
        return stdout
      }
      const lines = async () =>
        (await command('node', 'log', '--json', w1.name))
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as LogLine)
      const arrived = (text: string) =>
        waitUntil(
          `the message ${text}`,
          async () => (await lines()).some((line) => line.text === text),
          20_000,
        )

      await flushClientAddresses(rig)
      try {
        await rig.run('client', ['ip', 'address', 'add', `${w1.address}/24`, 'dev', clientInterface])
        const target = [
          '--server',
          addresses.server,
          '--port',
          port,
          '--tag',
          'installer',
          '--priority',
          'daemon.err',
        ]
        await rig.run('client', ['logger', '--udp', ...target, 'by UDP'])
        await rig.run('client', ['logger', '--tcp', '--octet-count', ...target, 'by TCP'])
        await arrived('by UDP')
        await arrived('by TCP')

        await sendByRsyslog(rig, dir)
        await arrived('by rsyslog')

        await writeFile(
          join(dir, 'journalctl'),
          '#!/bin/bash\necho "Nov 30 01:02:03 coreos-installer[812]: by a live system"\n',
        )
        await chmod(join(dir, 'journalctl'), 0o755)
        const path = `PATH=${dir}:/usr/bin:/bin`
        const script = ['bash', '-c', syslogScript, 'slipway-syslog', addresses.server, port]
        await rig.run('client', ['env', path, ...script])
        await arrived('by a live system')
        expectMatch(await command('node', 'log', w1.name), / UTC {2}installer: by UDP\n/, 'the text')

        const before = (await lines()).length
        await flushClientAddresses(rig)
        await addClientAddress(rig)
        await rig.run('client', ['logger', '--udp', ...target, `by ${client.name}`])
        await waitUntil('the refusal', async () =>
          (await command('status', '--json')).includes('syslog.undeclared-sender'),
        )
        expectEqual((await lines()).length, before, 'the lines after a message of an undeclared machine')
        return `${before} lines`
      } finally {
        await flushClientAddresses(rig)
      }
    },
  },
]

/** Starts rsyslog with TCP forwarding, and sends it one message through its own socket. */
async function sendByRsyslog(rig: Rig, dir: string): Promise<void> {
  const at = (name: string): string => join(dir, name)
  await writeFile(
    at('rsyslog.conf'),
    `module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="${at('socket')}")
action(type="omfwd" target="${addresses.server}" port="${port}" protocol="tcp" TCP_Framing="octet-counted"
  template="RSYSLOG_SyslogProtocol23Format")
`,
  )
  const daemon = rig.start('client', 'rsyslogd', [
    ...['rsyslogd', '-n', '-f', at('rsyslog.conf'), '-i', at('rsyslog.pid')],
  ])
  try {
    const send = ['logger', '--socket', at('socket'), '--socket-errors=on', '--tag', 'service', 'by rsyslog']
    await waitUntil('rsyslog', async () => (await rig.run('client', send)).status === 0)
  } finally {
    // It sends what it has before it stops.
    await daemon.stop()
  }
}
