/** `slipway export`: a site as configuration of dnsmasq or of the ISC DHCP server. */
import { parseArgs } from 'node:util'
import { explain, prepare } from '../../prepare.ts'
import { didYouMean } from '../../text/nearest.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { exports } from '../render/dhcp-servers.ts'
import { siteFile, siteOptions, siteRows } from '../target.ts'

type Format = keyof typeof exports

export const exportSite: Command = {
  name: 'export',
  help: {
    usage: ['export dnsmasq|isc [--site FILE | FILE]'],
    about: [
      'Prints a site as configuration of another DHCP server, to migrate away.',
      'Reads the site file. The configuration has the subnets and the reservations of all nodes and hosts; that of ' +
        'dnsmasq also has the names. Network boot is not included, because boot scripts and Ignition files come from ' +
        'slipway. For BIND and HAProxy, use "slipway render".',
    ],
    lists: {
      Formats: [
        ['dnsmasq', 'dnsmasq.conf with subnets, reservations, resolvers, and records'],
        ['isc', 'dhcpd.conf of the ISC DHCP server'],
      ],
    },
    options: siteRows,
    exit: [
      ['0', 'success'],
      ['1', 'the site file has errors'],
      ['2', 'invalid command line'],
    ],
    isPaged: true,
    examples: [
      'export dnsmasq site.yaml > /etc/dnsmasq.d/ocp45.conf',
      'export isc site.yaml > /etc/dhcp/dhcpd.conf',
    ],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: siteOptions,
    })
    const [format = '', file, ...more] = positionals
    const formats = Object.keys(exports)
    if (!isFormat(format)) {
      throw new UsageError(
        `expected ${formats.join(' or ')} before the site file${didYouMean(format, formats)}`,
      )
    }
    if (more.length > 0) throw new UsageError('expected one site file')
    const prepared = await prepare(await siteFile(values, file))
    if (prepared.kind !== 'ready') {
      for (const line of explain(prepared)) terminal.err(line)
      return ExitCode.problems
    }
    terminal.out(exports[format](prepared).text.replace(/\n$/, ''))
    return ExitCode.fine
  },
}

function isFormat(word: string): word is Format {
  return Object.hasOwn(exports, word)
}
