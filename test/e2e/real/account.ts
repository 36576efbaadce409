/**
 * Prints what happens during the installation: a line for each event of a node or of the cluster in slipway's log, and for
 * the milestones on the consoles of the machines.
 */
import { basename } from 'node:path'
import type { LogLine, Server } from '../server.ts'

export type Account = {
  say(text: string): void
  /** Prints a console line of a machine if it is a milestone. */
  console(node: string, text: string, atMs: number): void
  /** Prints the events of a slipway until it ends. */
  follow(server: Server): void
}

export function createAccount(): Account {
  const startedAt = Date.now()
  const print = (atMs: number, text: string): void =>
    console.log(`${`${((atMs - startedAt) / 1000).toFixed(0)} s`.padStart(7)}  ${text}`)
  return {
    say: (text) => print(Date.now(), text),
    console(node, text, atMs) {
      const [, milestone] = milestones.exec(text) ?? []
      if (milestone !== undefined) print(atMs, `${node} shows: ${milestone}`)
    },
    follow(server) {
      let next = 0
      const timer = setInterval(() => {
        for (; next < server.lines.length; next++) {
          const line = server.lines[next]
          const text = line && sentenceOf(line)
          if (line !== undefined && text !== undefined) print(line.atMs, text)
        }
        if (!server.process.isRunning()) clearInterval(timer)
      }, 500)
      timer.unref()
    },
  }
}

/** Of the initramfs, of GRUB, of coreos-installer, and of slipway's units and scripts. */
const milestones =
  /(initramfs: .*|GRUB boots the disk.*|Install complete\.?|slipway: .*|slipway \S+: (?:waits|another|boots).*)$/

/** Facts of a log line that the sentence ends with, in this order. */
const details = [
  'boot',
  'from',
  'to',
  'stage',
  'image',
  'file',
  'csr',
  'signer',
  'backend',
  'reason',
] as const

function sentenceOf({ level, service, text }: LogLine): string | undefined {
  if (service === 'dhcp' || service === 'tftp' || service === 'dns') return undefined
  const fields = parse(text)
  if (fields === undefined) return text
  const subject = fields['node'] ?? fields['cluster'] ?? 'slipway'
  const facts = details
    .flatMap((key) => (key === 'file' ? basename(fields[key] ?? '') : fields[key]) ?? [])
    .filter((fact) => fact !== '')
  const more = facts.length === 0 ? '' : ` (${facts.join(', ')})`
  const mark = level === 'info' ? '' : `${level}: `
  return `${mark}${subject}: ${fields['msg'] ?? ''}${more}`
}

/** Returns the texts and numbers of a line in JSON. */
function parse(text: string): Partial<Record<string, string>> | undefined {
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>)
    return Object.fromEntries(
      entries.flatMap(([key, value]) => (typeof value === 'string' ? [[key, value] as const] : [])),
    )
  } catch {
    return undefined
  }
}
