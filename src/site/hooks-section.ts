/** The section `hooks` of the site file: commands and webhooks that slipway runs on events. */
import { z } from 'zod'
import { argument, label, oneOrMore, path, seconds, webhookUrl } from './scalars.ts'

/** The events, each with its meaning: one sentence without a full stop. Published names, which never change. */
export const hookEvents = {
  'node.armed': 'The next network boot of a node installs it',
  'node.install-started': 'A node started its installation',
  'node.installed': 'The disk of a node is written',
  'node.install-failed': 'The installation of a node failed and is not repeated without an administrator',
  'node.ready': 'The cluster reports that a node is Ready',
  'node.not-ready': 'The cluster reports that a node is not Ready',
  'node.removed': 'The cluster no longer has a node',
  'node.problem-started': 'The boot or the installation of a node does not continue',
  'node.problem-ended': 'The problem of a node has ended',
  'problem.started': 'slipway, or a machine that it depends on, has a problem',
  'problem.ended': 'A problem of slipway, or of a machine that it depends on, has ended',
  'machine.undeclared': 'An undeclared machine sent DHCP requests',
  'csr.approved': 'slipway approved a certificate request of a node',
  'csr.pending': 'A certificate request stays pending, because slipway does not approve it',
  'bootstrap.removed': 'The bootstrap of a cluster is drained in the load balancer',
  'site.changed': 'slipway serves a changed site, after a reload or a rollback',
} as const satisfies Readonly<Record<string, string>>

export type HookEventName = keyof typeof hookEvents

/** Each hook runs one command at a time, so this also bounds the commands that run at once. */
export const maxHooks = 16

const eventNames = Object.keys(hookEvents) as [HookEventName, ...HookEventName[]]

const webhook = z
  .strictObject({
    url: webhookUrl.meta({
      description: 'URL that slipway sends events to: https, or http on this machine',
      examples: ['https://chat.example.net/hooks/slipway'],
    }),
    secretFile: path.meta({
      description:
        'file with the secret that signs the requests (whsec_ and base64); only its owner must be able to read it',
      examples: ['/etc/slipway/hooks/chat.secret'],
    }),
    ca: path.optional().meta({
      description:
        'file with the only CA certificates to trust (PEM); by default those that Node.js includes',
    }),
  })
  .meta({ description: 'POST request for each event' })

/** The path is absolute, because the service has its own working directory and PATH. */
const programAndArguments = z
  .array(argument)
  .min(1)
  .check(({ value, issues }) => {
    if (value[0] === undefined || value[0].startsWith('/')) return
    const message = 'expected the absolute path of a program'
    issues.push({ code: 'custom', input: value[0], path: [0], message })
  })

const hook = z
  .strictObject({
    events: oneOrMore(z.enum(eventNames), 1).meta({
      description: 'events that this hook gets; docs/hooks.md lists them',
    }),
    webhook: webhook.optional(),
    command: programAndArguments.optional().meta({
      description:
        'program and its arguments, run without a shell for each event; reads the event as JSON on standard input',
    }),
    timeoutSeconds: seconds(1, 60).default(10).meta({ description: 'maximum time of one attempt' }),
  })
  .check(({ value, issues }) => {
    if ((value.webhook === undefined) !== (value.command === undefined)) return
    issues.push({ code: 'custom', input: value, path: [], message: 'expected either webhook or command' })
  })
  .meta({ description: 'command or webhook; exactly one of the two' })

export const hooksSection = z
  .record(label, hook)
  .check(({ value, issues }) => {
    if (Object.keys(value).length <= maxHooks) return
    issues.push({ code: 'custom', input: value, path: [], message: `expected at most ${maxHooks} hooks` })
  })
  .meta({ description: 'commands and webhooks that slipway runs on events, by a name that you choose' })
