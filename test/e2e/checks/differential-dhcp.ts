/** The captured messages of real clients, replayed on the wire to ISC dhcpd and to our server: every reply compared. */
import { formatIpv4 } from '../../../src/proto/address/ipv4.ts'
import { decodeMessage } from '../../../src/proto/dhcp/message.ts'
import { captures } from '../../support/dhcp-captures.ts'
import { startDhcpd } from '../peers/dhcpd.ts'
import { settle, type Comparison, type Fields, type Intended } from '../peers/differences.ts'
import { output } from '../process.ts'
import { stub, type Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { client } from '../site.ts'
import { settleClient, waitUntil } from './client.ts'

/** Replies in hexadecimal. */
type Heard = readonly string[]

/** Of a client's transaction, so that no reply is taken for one to another message. */
const requests = captures
  .filter(({ octets }) => octets[0] === 1)
  .map(({ name, octets }, index) => ({ name, octets: Uint8Array.from(octets).fill(index + 1, 4, 8) }))

/** What differs, and why it should. A difference that is not here fails, and so does a row without a difference. */
const intended: readonly Intended[] = [
  {
    field: /^secs$/,
    question: /DISCOVER|REQUEST/,
    reason: '0 in what a server says (RFC 2131 §4.3.1, table 3); dhcpd repeats the client’s',
  },
  {
    field: /^flags$/,
    question: /DISCOVER|REQUEST/,
    reason:
      'the client’s (RFC 2131 §4.3.1, table 3); dhcpd sets the broadcast flag, because its configuration here says so',
  },
  {
    field: /^order of options$/,
    question: /./,
    reason:
      'the mask, what is booted, then the client’s order of preference, for those that cut; dhcpd has an order of its own',
  },
  {
    field: /^option 61$/,
    question: /./,
    reason:
      'the client identifier comes back (RFC 6842 §3), as dhcpd does only when told to (echo-client-id)',
  },
  {
    field: /^option (?:58|59)$/,
    question: /iPXE|udhcpc|dhclient/,
    reason:
      'told to who asks for them: they are what clients assume by themselves (RFC 2131 §4.4.5); dhcpd tells them to all',
  },
  {
    field: /^option (?:66|67)$/,
    question: /iPXE|OVMF PXE/,
    reason:
      'the boot file stands in the header and in its option, since firmware reads one or the other; the guide’s dhcpd has the header only',
  },
  {
    field: /^option 97$/,
    question: /iPXE|OVMF/,
    reason: 'the machine identifier comes back to who sent it (RFC 4578 §2.3); dhcpd knows nothing of it',
  },
  {
    field: /^(?:siaddr|file|option (?:60|67))$/,
    question: /OVMF HTTP Boot/,
    reason: 'UEFI HTTP Boot gets the loader’s URL and its own class; the guide’s dhcpd knows PXE only',
  },
  {
    field: /^option 175$/,
    question: /iPXE/,
    reason: 'no-pxedhcp saves iPXE its wait for a proxyDHCP server',
  },
  {
    field: /^file$/,
    question: /user class PXEROM/,
    reason:
      'iPXE is known by its option 175 too, and needs no second iPXE; the guide’s class looks at the user class alone',
  },
  {
    field: /^option 56$/,
    question: /wrong address$/,
    reason: 'our words say which address is the right one',
  },
]

export const differentialDhcpChecks: readonly Check[] = [
  {
    name: 'differential: ISC dhcpd with the guide’s configuration answers as we do, but for what is listed',
    limitMs: 120_000,
    async run(rig) {
      await settleClient(rig)
      const packets = requests.map(({ octets }) => octets)
      const ours = await replay(rig, packets)
      // Both have the same server identifier and so the same source address: one at a time.
      const dhcpd = await startDhcpd(rig)
      try {
        await rig.at('bridge', ['ip', 'link', 'set', 'to-server', 'down'])
        await waitUntil('dhcpd', async () => (await replay(rig, packets.slice(0, 1)))[0]?.length === 1)
        const theirs = await replay(rig, packets)
        const comparisons = requests.map(({ name, octets }, index): Comparison => ({
          question: name,
          ours: fieldsOf(octets, ours[index] ?? []),
          theirs: fieldsOf(octets, theirs[index] ?? []),
        }))
        return settle(comparisons, intended)
      } finally {
        await rig.at('bridge', ['ip', 'link', 'set', 'to-server', 'up'])
        await dhcpd.stop()
      }
    },
  },
]

async function replay(rig: Rig, packets: readonly Uint8Array[]): Promise<readonly Heard[]> {
  const input = JSON.stringify(packets.map((packet) => Buffer.from(packet).toString('hex')))
  const command = rig.network.inside('client', process.execPath, stub('dhcp-replay'), client.address)
  return JSON.parse(await output(command, { input, limitMs: 60_000 })) as Heard[]
}

function fieldsOf(request: Uint8Array, heard: Heard): Fields {
  const xid = Buffer.from(request.subarray(4, 8)).toString('hex')
  const replies = heard
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

/** As it stands: hexadecimal, and the characters where all are. */
function text(value: Uint8Array): string {
  const octets = Buffer.from(value)
  return value.length > 3 && value.every((octet) => octet >= 0x20 && octet < 0x7f)
    ? octets.toString('latin1')
    : octets.toString('hex')
}
