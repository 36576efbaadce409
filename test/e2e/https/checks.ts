/**
 * HTTPS with the real coreos-installer: a node installs, and its secret is not on the wire; without HTTPS, the same search
 * finds it. Another CA and a file that changed stop the installation.
 */
import { createHash } from 'node:crypto'
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, expectEqual, expectMatch } from '../expect.ts'
import { run } from '../process.ts'
import { buildInstaller } from '../real/installer.ts'
import type { Machine } from '../real/machine.ts'
import { addresses, nodes } from '../real/network.ts'
import type { Check } from '../runner.ts'
import { secret, type HttpsRig } from './rig.ts'

const minuteMs = 60_000
const bootLimitMs = 10 * minuteMs

export const httpsChecks: readonly Check<HttpsRig>[] = [
  {
    name: 'https: coreos-installer installs a node over HTTPS, and its secret is not on the wire',
    limitMs: bootLimitMs + minuteMs,
    async run(rig) {
      const capture = await rig.capture('secure')
      const { machine, seconds } = await boot(rig, nodes.w1, /Install complete/)
      await rig.server.waitFor(
        'that the disk is written',
        ({ msg, text }) => msg === 'callback accepted' && text.includes('"written"'),
        { limitMs: 2 * minuteMs },
      )
      await machine.powerOff()
      const packets = await capture.packets()
      expect(packets.includes('live-worker.ign'), 'the capture contains the request for the live system')
      expect(!isIn(packets), 'no packet contains the secret')
      expect(isIn(await firstBytes(machine.disk, 80 * 1024 * 1024)), 'the disk contains the secret')
      const shown = consoleOf(machine)
      expectMatch(shown, /--config-file \/etc\/coreos\/installer\.d\/slipway-hash\.yaml/, 'the console')
      expectMatch(shown, /--ignition-url https:\/\//, 'the console')
      return `${seconds} s, ${(packets.length / 1024 / 1024).toFixed(0)} MiB captured`
    },
  },
  {
    name: 'https: an Ignition file that does not have the hash stops the installation',
    limitMs: bootLimitMs + minuteMs,
    async run(rig) {
      const booting = boot(rig, nodes.w2, /Ignition configuration digest/)
      const served = rig.server.waitFor(
        'the file of the live system',
        ({ msg, file }) => msg === 'Ignition file served' && file === 'live-worker.ign',
        { since: rig.server.lines.length, limitMs: bootLimitMs },
      )
      const path = join(rig.siteDir, 'changed/worker.ign')
      const text = await readFile(path, 'utf8')
      await served
      await writeFile(path, `${text}\n`, { mode: 0o600 })
      const { machine } = await booting
      await machine.waitForConsole('the cause', /hash mismatch, computed/, { limitMs: minuteMs })
      await machine.waitForConsole('the end of the installer', /Error: install failed/, { limitMs: minuteMs })
      await machine.powerOff()
      expect(!isIn(await firstBytes(machine.disk, 80 * 1024 * 1024)), 'the disk has no secret')
      return undefined
    },
  },
  {
    name: 'https: coreos-installer rejects the server without its CA, and with another CA',
    limitMs: minuteMs,
    async run(rig) {
      const own = join(rig.siteDir, 'state/https-ca.crt')
      const other = join(rig.dir, 'other-ca.crt')
      const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', '/dev/null']
      await run(['openssl', 'req', '-x509', ...key, '-subj', '/CN=other', '-out', other])
      const { program } = await buildInstaller()
      const fetchWith = async (authority: string): Promise<string> => {
        const url = `https://${addresses.appliance}:8444/boot/open/p1/worker.ign`
        const command = ['env', `SSL_CERT_FILE=${authority}`, program, 'install', '--ignition-url', url]
        // The file is fetched before the device is opened.
        const { stderr } = await run(rig.network.inside('peer', ...command, '/dev/missing'), {
          limitMs: 20_000,
        })
        return stderr
      }
      for (const authority of ['/etc/ssl/certs/ca-certificates.crt', other]) {
        expectMatch(await fetchWith(authority), /certificate verify failed/, authority)
      }
      const accepted = await fetchWith(own)
      expectMatch(accepted, /\/dev\/missing/, 'with the CA of slipway, only the device is missing')
      return undefined
    },
  },
  {
    name: 'https: a client over HTTP gets no secret, and curl verifies the hash and the certificate',
    limitMs: minuteMs,
    async run(rig) {
      const path = '/boot/open/p1/worker.ign'
      const curl = (...args: string[]) => run(rig.network.inside('peer', 'curl', '--silent', ...args))
      const plain = await curl('--include', `http://${addresses.appliance}${path}`)
      expectMatch(plain.stdout, /^HTTP\/1\.1 403[^]*Slipway-Code: http\.https-required/i, 'over HTTP')
      const authority = join(rig.siteDir, 'state/https-ca.crt')
      const sent = await curl('--cacert', authority, `https://${addresses.appliance}:8444${path}`)
      expect(isIn(Buffer.from(sent.stdout)), 'over HTTPS, the file has the secret')
      const live = await curl(
        `http://${addresses.appliance}/boot/open/p1/AAAAAAAAAAAAAAAAAAAAAA/live-worker.ign`,
      )
      expect(!isIn(Buffer.from(live.stdout)), 'the file of the live system has no secret')
      expectEqual(createHash('sha512').update(sent.stdout).digest('hex').length, 128, 'the length of a hash')
      return undefined
    },
  },
  {
    name: 'https: without HTTPS, the same search finds the secret on the wire',
    limitMs: bootLimitMs + minuteMs,
    async run(rig) {
      await rig.serve('plain', 'ports: { http: 80 }')
      const capture = await rig.capture('plain')
      const { machine } = await boot(rig, nodes.w1, /Install complete|Writing Ignition config/)
      await machine.powerOff()
      expect(isIn(await capture.packets()), 'a packet contains the secret')
      return undefined
    },
  },
]

/** Powers on an empty machine and waits for a line on its console. */
async function boot(
  rig: HttpsRig,
  node: (typeof nodes)['w1'],
  until: RegExp,
): Promise<{ readonly machine: Machine; readonly seconds: string }> {
  const startedAt = performance.now()
  const machine = await rig.machine(node)
  await machine.powerOn('network')
  await machine.waitForConsole(`the line ${until.source}`, until, { limitMs: bootLimitMs })
  return { machine, seconds: ((performance.now() - startedAt) / 1000).toFixed(0) }
}

function consoleOf({ console }: Machine): string {
  return console.map(({ text }) => text).join('\n')
}

/** Returns whether bytes contain the secret, as text or in base64 at any of three offsets. */
function isIn(bytes: Buffer): boolean {
  const encoded = ['', '-', '--'].map((before) =>
    // The first and the last group also encode the bytes around the secret.
    Buffer.from(before + secret)
      .toString('base64')
      .slice(4, -4),
  )
  return [secret, ...encoded].some((text) => bytes.includes(text))
}

async function firstBytes(path: string, length: number): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
