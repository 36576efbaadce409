/** Manual pages in man(7) format, generated from the help of the commands. Pure. */
import { exampleLine, type Help, type HelpRow } from '../src/cli/command.ts'

export type DocumentedCommand = {
  readonly name: string
  readonly summary: string
  readonly help: Help
  readonly helps?: Readonly<Record<string, Help>>
}

export type ManPage = { readonly name: string; readonly text: string }

/**
 * Returns the page of one command, or slipway(1) for several.
 *
 * @param time of the release, in ISO 8601
 */
export function manPage(commands: readonly DocumentedCommand[], time: string): ManPage {
  const [command] = commands
  const isOverview = commands.length !== 1 || command === undefined
  const name = isOverview ? 'slipway' : `slipway-${command.name}`
  const summary = isOverview ? 'network-boot appliance for OpenShift' : command.summary
  const lines = [
    `.TH ${name.toUpperCase()} 1 ${time.slice(0, 10)} slipway`,
    '.SH NAME',
    `${escaped(name)} \\- ${escaped(summary)}`,
    ...(isOverview ? overview(commands) : page(command.help, command.helps)),
  ]
  return { name, text: `${lines.join('\n')}\n` }
}

function overview(commands: readonly DocumentedCommand[]): string[] {
  return [
    '.SH SYNOPSIS',
    '.B slipway',
    '.I COMMAND',
    '[\\fIOPTIONS\\fR]',
    '.SH DESCRIPTION',
    'slipway serves DHCP, TFTP, HTTP, and DNS and configures HAProxy from one site file, so that machines install',
    'OpenShift over the network.',
    '.SH COMMANDS',
    ...commands.flatMap(({ name, summary }) => [
      '.TP',
      `.BR slipway\\-${escaped(name)} (1)`,
      escaped(summary),
    ]),
    '.SH FILES',
    ...rows([
      ['/etc/slipway/site.yaml', 'the site file'],
      ['/var/lib/slipway', 'the state, the images, and the Ignition files'],
      ['/run/slipway/control.sock', 'the control socket of the running slipway'],
      ['/usr/share/doc/slipway', 'the documentation'],
    ]),
  ]
}

function page(help: Help, helps: Readonly<Record<string, Help>> = {}): string[] {
  return [
    '.SH SYNOPSIS',
    ...synopsis(help),
    '.SH DESCRIPTION',
    ...help.about.flatMap((paragraph) => ['.PP', escaped(paragraph)]),
    ...lists(help),
    ...Object.entries(helps).flatMap(([action, own]) => [
      `.SH ${action.toUpperCase()}`,
      ...synopsis(own),
      ...own.about.flatMap((paragraph) => ['.PP', escaped(paragraph)]),
      ...lists(own, '.SS'),
    ]),
  ]
}

function synopsis({ usage }: Help): string[] {
  return usage.flatMap((line, index) => [...(index === 0 ? [] : ['.br']), escaped(`slipway ${line}`)])
}

function lists({ lists: titled = {}, options = [], exit, examples }: Help, heading = '.SH'): string[] {
  const sections: [string, readonly HelpRow[]][] = [
    ...Object.entries(titled),
    ['Options', options],
    ['Exit status', exit],
  ]
  return [
    ...sections
      .filter(([, content]) => content.length > 0)
      .flatMap(([title, content]) => [
        `${heading} ${heading === '.SH' ? title.toUpperCase() : title}`,
        ...rows(content),
      ]),
    `${heading} ${heading === '.SH' ? 'EXAMPLES' : 'Examples'}`,
    ...examples.flatMap((example) => ['.PP', '.nf', escaped(exampleLine(example)), '.fi']),
  ]
}

function rows(content: readonly HelpRow[]): string[] {
  return content.flatMap(([term, text]) => ['.TP', `.B ${escaped(term)}`, escaped(text)])
}

/** A line that starts with a period or an apostrophe would be a request, and a hyphen would be typographic. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1')
}
