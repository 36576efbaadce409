/**
 * iPXE over HTTPS on real firmware: an iPXE that trusts the CA of slipway gets its script, kernel, and initramfs over
 * HTTPS. With another CA it gets no secret, and the timeline shows the difference.
 */
import { expect, expectEqual, expectMatch, expectNoMatch } from '../expect.ts'
import type { Check } from '../runner.ts'
import type { LogLine } from '../server.ts'
import { nodeKey, type LoaderRig } from './loader-rig.ts'

const minuteMs = 60_000
const bootMs = 4 * minuteMs
/** The kernel starts, so iPXE has fetched everything. */
const started = /Linux version/
/** The console breaks longer lines. */
const fallback = /this iPXE cannot verify the server/

export const loaderPrefix = 'https: iPXE'

/** @param name of the machine, and of the CA that its firmware trusts */
async function bootUntilStarted(rig: LoaderRig, name: 'own' | 'other') {
  const done = await rig.boot(name, {
    firmware: 'uefi',
    authority: rig.authorities[name],
    until: started,
    limitMs: bootMs,
  })
  expectEqual(done.outcome, 'stopped by the test', 'the end of the boot')
  return { ...done, shown: done.console.map(({ text }) => text).join('\n') }
}

export const httpsLoaderChecks: readonly Check<LoaderRig>[] = [
  {
    name: `${loaderPrefix} gets script, kernel, and initramfs over HTTPS if the firmware trusts the CA`,
    limitMs: 3 * bootMs,
    async run(rig) {
      const { shown, packets, startedMs, endedMs } = await bootUntilStarted(rig, 'own')
      expectNoMatch(shown, fallback, 'the console')
      expectEqual(filesOf(rig.server.lines).join(), 'boot.ipxe,kernel,initramfs,live-worker.img', 'the files')
      // Everything after the first script is encrypted. No packet has the token, which the script contains.
      for (const path of ['/images/', '/live-worker', 'coreos.inst', '@token', '/callback']) {
        expect(!packets.includes(path), `no packet contains ${path}`)
      }
      expect(packets.includes('GET /boot/ocp45/web1/boot.ipxe'), 'the capture has the first script')
      expectMatch(
        await rig.slipway('node', 'show', nodeKey),
        /script +installs as worker by HTTPS/,
        'the node',
      )
      return `${((endedMs - startedMs) / 1000).toFixed(0)} s`
    },
  },
  {
    name: `${loaderPrefix} rejects the server if the firmware trusts another CA, and continues without secrets`,
    limitMs: 3 * bootMs,
    async run(rig) {
      const since = rig.server.lines.length
      const { shown, packets } = await bootUntilStarted(rig, 'other')
      expectMatch(shown, /https:\/\/\S+boot\.ipxe\S*\.* (?:Permission|Operation)/, 'the console')
      expectMatch(shown, fallback, 'the console')
      const lines = rig.server.lines.slice(since)
      expect(
        lines.some(({ msg }) => msg === 'TLS handshake failed'),
        'the log has the handshake that failed',
      )
      expectEqual(filesOf(lines).join(), 'boot.ipxe,kernel,initramfs', 'the files')
      expect(packets.includes('coreos.inst.ignition_url=https://'), 'only the script is readable')
      expect(!packets.includes(rig.secret), 'no packet contains the secret')
      expectMatch(
        await rig.slipway('node', 'show', nodeKey),
        /script +installs as worker by HTTP\b/,
        'the node',
      )
      return undefined
    },
  },
  {
    name: `${loaderPrefix} is fetched over HTTPS by the firmware, and nothing is sent over HTTP`,
    limitMs: 3 * bootMs,
    async run(rig) {
      await rig.namedByHttps()
      const { outcome, packets } = await rig.boot('firmware', {
        firmware: 'http',
        authority: rig.authorities.own,
        until: started,
        limitMs: bootMs,
      })
      expectEqual(outcome, 'stopped by the test', 'the end of the boot')
      expectEqual(filesOf(rig.server.lines).join(), 'boot.ipxe,kernel,initramfs,live-worker.img', 'the files')
      expect(!packets.includes('GET /'), 'no request is readable')
      expect(!packets.includes('#!ipxe'), 'no script is readable')
      return undefined
    },
  },
  {
    name: `${loaderPrefix} is not started by a firmware that trusts another CA`,
    limitMs: 3 * bootMs,
    async run(rig) {
      const since = rig.server.lines.length
      const { console } = await rig.boot('firmware-other', {
        firmware: 'http',
        authority: rig.authorities.other,
        until: /TLS|Server response timeout|failed to load|Shell/,
        limitMs: bootMs,
      })
      const shown = console.map(({ text }) => text).join('\n')
      expectNoMatch(shown, /iPXE initialising/, 'the console')
      expectEqual(filesOf(rig.server.lines.slice(since)).join(), '', 'the files')
      return undefined
    },
  },
]

/** Returns what was sent after the loader. The script repeats a download that was interrupted. */
function filesOf(lines: readonly LogLine[]): string[] {
  const files = lines.flatMap(({ msg, file = '' }) => {
    if (msg === 'boot script served') return file.slice(file.lastIndexOf('/') + 1)
    if (msg === 'Ignition file served') return file
    return msg === 'image file served' ? (/live-(kernel|initramfs)/.exec(file)?.[1] ?? file) : []
  })
  return [...new Set(files)]
}
