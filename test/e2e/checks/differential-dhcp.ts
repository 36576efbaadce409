/** Replays captured messages of real clients to ISC dhcpd and to slipway, and compares every reply. */
import { formatIpv4 } from '../../../src/proto/address/ip.ts'
import { decodeMessage } from '../../../src/proto/dhcp/message.ts'
import { captured, captures } from '../../support/dhcp-captures.ts'
import { startDhcpd } from '../peers/dhcpd.ts'
import { compareAnswers, type Comparison, type Fields, type Intended } from '../peers/differences.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { client } from '../site.ts'
import { addClientAddress, runStub, waitUntil } from './client.ts'

const optionsOffset = 240

/** Replies in hexadecimal. */
type Replies = readonly string[]

/** Invalid options, which dhcpd ignores too. */
const oddOptions: readonly (readonly number[])[] = [
  [57, 3, 0, 5, 0xc0],
  [57, 2, 5, 0xc0, 57, 2, 5, 0xc0],
  [93, 5, 0, 7, 0, 9, 0],
  [52, 1, 9],
  [52, 2, 1, 0],
  [50, 3, 172, 16, 0],
  [54, 2, 172, 16],
]

/** The same messages with an invalid option before the others. */
const oddRequests = oddOptions.map((option) => ({
  name: `OVMF PXE DISCOVER with ${option.join(' ')}`,
  octets: Uint8Array.of(
    ...captured('OVMF PXE DISCOVER').subarray(0, optionsOffset),
    ...option,
    ...captured('OVMF PXE DISCOVER').subarray(optionsOffset),
  ),
}))

/** Each with a unique transaction id, so that replies can be assigned to messages. */
const requests = [...captures.filter(({ octets }) => octets[0] === 1), ...oddRequests].map(
  ({ name, octets }, index) => ({ name, octets: Uint8Array.from(octets).fill(index + 1, 4, 8) }),
)

/** The intended differences and their reasons. An unlisted difference fails the check, and so does a row without one. */
const intended: readonly Intended[] = [
  {
    field: /^secs$/,
    question: /DISCOVER|REQUEST/,
    reason: 'a server sends 0 (RFC 2131 §4.3.1, table 3); dhcpd echoes the value of the client',
  },
  {
    field: /^flags$/,
    question: /DISCOVER|REQUEST/,
    reason:
      'the flags of the client (RFC 2131 §4.3.1, table 3); dhcpd sets the broadcast flag, as configured here',
  },
  {
    field: /^order of options$/,
    question: /./,
    reason:
      'the mask, the boot file, then the order of preference of the client, for clients that truncate; dhcpd uses another order',
  },
  {
    field: /^option 61$/,
    question: /./,
    reason: 'the client identifier is echoed (RFC 6842 §3), which dhcpd does only with echo-client-id',
  },
  {
    field: /^option (?:58|59)$/,
    question: /iPXE|udhcpc|dhclient/,
    reason:
      'sent only if requested: clients assume the same values (RFC 2131 §4.4.5); dhcpd always sends them',
  },
  {
    field: /^option (?:66|67)$/,
    question: /iPXE|OVMF PXE/,
    reason:
      'the boot file is in the header and in the option, because firmware reads one or the other; dhcpd in the guide uses only the header',
  },
  {
    field: /^option 97$/,
    question: /iPXE|OVMF/,
    reason: 'the machine identifier is echoed (RFC 4578 §2.3), which dhcpd does not support',
  },
  {
    field: /^(?:siaddr|file|option (?:60|67))$/,
    question: /OVMF HTTP Boot/,
    reason:
      'UEFI HTTP Boot gets the URL of the loader and its own class; dhcpd in the guide supports only PXE',
  },
  {
    field: /^option 175$/,
    question: /iPXE/,
    reason: 'with no-pxedhcp iPXE does not wait for a ProxyDHCP server',
  },
  {
    field: /^file$/,
    question: /user class PXEROM/,
    reason:
      'iPXE is also recognized by option 175, and does not need a second iPXE; the class in the guide checks only the user class',
  },
  {
    field: /^file$/,
    question: /with 93 5/,
    reason: 'of architectures with an odd length, the complete ones count; dhcpd compares the whole value',
  },
  {
    field: /^option 56$/,
    question: /wrong address$/,
    reason: 'the message contains the reserved address',
  },
]

export const differentialDhcpChecks: readonly Check[] = [
  {
    name: 'differential: slipway replies like ISC dhcpd with the guide’s configuration, except for listed differences',
    limitMs: 240_000,
    async run(rig) {
      await addClientAddress(rig)
      const packets = requests.map(({ octets }) => octets)
      const ours = await replay(rig, packets)
      // Both have the same server identifier, so they run one at a time.
      const dhcpd = await startDhcpd(rig)
      try {
        await rig.run('bridge', ['ip', 'link', 'set', 'to-server', 'down'])
        await waitUntil('dhcpd', async () => (await replay(rig, packets.slice(0, 1)))[0]?.length === 1)
        const theirs = await replay(rig, packets)
        const comparisons = requests.map(({ name, octets }): Comparison => ({
          question: name,
          ours: fieldsOf(octets, ours.flat()),
          theirs: fieldsOf(octets, theirs.flat()),
        }))
        return compareAnswers(comparisons, intended)
      } finally {
        await rig.run('bridge', ['ip', 'link', 'set', 'to-server', 'up'])
        await dhcpd.stop()
      }
    },
  },
]

async function replay(rig: Rig, packets: readonly Uint8Array[]): Promise<readonly Replies[]> {
  const input = packets.map((packet) => Buffer.from(packet).toString('hex'))
  return (await runStub(rig, 'dhcp-replay', client.address, input)) as readonly Replies[]
}

/** @param received all replies: one can arrive after the next request */
function fieldsOf(request: Uint8Array, received: Replies): Fields {
  const xid = Buffer.from(request.subarray(4, 8)).toString('hex')
  const replies = received
    .map((hex) => Buffer.from(hex, 'hex'))
    .filter((octets) => octets.toString('hex', 4, 8) === xid)
  const [octets] = replies
  if (octets === undefined) return { replies: '0' }
  const { options, chaddr, ...header } = decodeMessage(octets)
  return {
    replies: String(replies.length),
    op: String(header.op),
    hops: String(header.hops),
    secs: String(header.secs),
    flags: String(header.flags),
    ...Object.fromEntries(
      (['ciaddr', 'yiaddr', 'siaddr', 'giaddr'] as const).map((name) => [name, formatIpv4(header[name])]),
    ),
    chaddr: Buffer.from(chaddr).toString('hex'),
    sname: header.sname,
    file: header.file,
    'order of options': options.map(({ code }) => code).join(' '),
    ...Object.fromEntries(options.map(({ code, value }) => [`option ${code}`, text(value)])),
  }
}

/** Returns text if all octets are printable ASCII, else hexadecimal. */
function text(value: Uint8Array): string {
  const octets = Buffer.from(value)
  return value.length > 3 && value.every((octet) => octet >= 0x20 && octet < 0x7f)
    ? octets.toString('latin1')
    : octets.toString('hex')
}
