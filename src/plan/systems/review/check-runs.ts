/**
 * Where an answer file runs the disk check: a check in a comment never runs, and one in a late command runs when the disk is
 * overwritten already. Pure.
 */
import type { OtherSystem } from '../../../site/other-systems.ts'
import { kickstartLines } from './kickstart.ts'
import { preseedLines } from './preseed.ts'
import { readInstallerYaml, valueAt } from './yaml.ts'

/** How the first answer file of a system runs a command before the installer writes the disk. */
const placeOf: Readonly<Partial<Record<OtherSystem, string>>> = {
  debian: 'partman/early_command',
  rhel: '%pre',
  ubuntu: 'early-commands',
}

const inFirstFile: Readonly<Partial<Record<OtherSystem, (text: string, command: string) => boolean>>> = {
  debian: (text, command) =>
    preseedLines(text).some(
      ({ content, isContinuation }) =>
        !isContinuation &&
        /^\s*\S+\s+(?:preseed|partman)\/early_command\s/.test(content) &&
        isRun(content, command),
    ),
  rhel: (text, command) =>
    kickstartLines(text).some(({ section, content }) => section === '%pre' && isRun(content, command)),
  ubuntu: (text, command) => {
    const commands = readInstallerYaml(text).documents.map(({ value }) =>
      valueAt(value, 'autoinstall', 'early-commands'),
    )
    return stringsIn(commands).some((each) => isRunInLines(each, command))
  },
  // It runs no commands.
  talos: () => false,
}

/** Returns where the first answer file must run the check; undefined if slipway does not know its format. */
export function checkPlace(os: OtherSystem): string | undefined {
  return placeOf[os]
}

/**
 * Reports whether an answer file runs a command before the installer writes the disk. In formats that slipway does not know, and in
 * files that the first one fetches, this is the case outside of comments.
 */
export function runsInTime(os: OtherSystem, isFirst: boolean, text: string, command: string): boolean {
  if (!text.includes(command)) return false
  const known = isFirst ? inFirstFile[os] : undefined
  return known === undefined
    ? isRunInLines(text.replaceAll(/<!--[\s\S]*?(?:-->|$)/g, ''), command)
    : known(text, command)
}

function isRunInLines(text: string, command: string): boolean {
  return text.split('\n').some((line) => isRun(line, command))
}

/** Reports whether a line has the command before its comment. */
function isRun(line: string, command: string): boolean {
  return line.replace(/(?:^|\s)(?:#|\/\/).*$/, '').includes(command)
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.flatMap((each) => stringsIn(each)) : []
}
