/** What the buttons do. Every action that changes something asks first. */
import { adopt } from './adopt-action.ts'
import { ApiError, post } from './api.ts'
import { changesText } from './changes-view.ts'
import { ask, toast, type Question } from './dialogs.ts'
import { h } from './dom.ts'
import type { Changes } from './types.ts'

type Data = Readonly<Record<string, string | undefined>>

/** @returns whether the data of the view may have changed */
export async function act(name: string, data: Data): Promise<boolean> {
  try {
    return await run(name, data)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    toast(`Failed: ${error.message}`, true)
    return true
  }
}

async function run(name: string, data: Data): Promise<boolean> {
  const { text = '', node = '', mode = '', cluster = '' } = data
  switch (name) {
    case 'copy':
      await copy(text)
      return false
    case 'install':
      return confirmed(
        armQuestion(node, mode),
        () => post(`/v1/nodes/${node}/install?power=false`),
        `${node} is armed`,
      )
    case 'local':
      return confirmed(
        {
          title: `Boot ${node} from its disk?`,
          text: `${node} is not installed at its next network boot. It boots its disk until you arm it again.`,
          act: `Boot ${node} from disk`,
        },
        () => post(`/v1/nodes/${node}/local`),
        `${node} boots from its disk`,
      )
    case 'menu':
      return confirmed(
        {
          title: `Show the boot menu on ${node}?`,
          text: `The next network boot of ${node} shows the menu on its console, where an entry can install it.`,
          act: `Show the menu on ${node}`,
        },
        () => post(`/v1/nodes/${node}/menu`),
        `${node} shows the boot menu`,
      )
    case 'drain':
      return confirmed(
        {
          title: `Drain ${node}?`,
          text: `The load balancer sends ${node} no new connections until you enable it again. Existing connections continue.`,
          act: `Drain ${node}`,
        },
        () => post(`/v1/nodes/${node}/drain`),
        `${node} is drained`,
      )
    case 'enable':
      return confirmed(
        {
          title: `Send connections to ${node} again?`,
          text: `The load balancer sends ${node} connections after its health checks pass.`,
          act: `Enable ${node}`,
        },
        () => post(`/v1/nodes/${node}/enable`),
        `${node} is enabled`,
      )
    case 'install-now':
      return installNow(node, mode)
    case 'power-on':
      return power(node, 'on', 'Switch on', 'It boots in the order of its firmware.')
    case 'power-off':
      return power(node, 'off', 'Shut down', 'The BMC asks its operating system to shut down.')
    case 'power-force-off':
      return power(
        node,
        'force-off',
        'Force off',
        'Its power is cut at once: data that is not written is lost.',
      )
    case 'power-cycle':
      return power(
        node,
        'cycle',
        'Power-cycle',
        'Its power is cut and switched on again: data that is not written is lost.',
      )
    case 'approve':
      return approve(data)
    case 'adopt':
      return adopt(data['mac'] ?? '', {
        clusters: (data['clusters'] ?? '').split(' ').filter(Boolean),
        groups: (data['groups'] ?? '').split(' ').filter(Boolean),
      })
    case 'bootstrap-out':
      return bootstrap(
        cluster,
        'out',
        'Drain',
        'The load balancer sends it no new connections. Existing connections continue.',
      )
    case 'bootstrap-keep':
      return bootstrap(
        cluster,
        'keep',
        'Keep',
        'It stays in the load balancer, even after the installation of the cluster is complete.',
      )
    case 'bootstrap-watch':
      return bootstrap(
        cluster,
        'watch',
        'Watch',
        'slipway drains it when the cluster reports that the bootstrap is complete.',
      )
    case 'reload':
      return reload()
    default:
      return false
  }
}

async function confirmed(question: Question, send: () => Promise<unknown>, done: string): Promise<boolean> {
  if (!(await ask(question))) return false
  await send()
  toast(done)
  return true
}

export function armQuestion(node: string, mode: string): Question {
  const isInstalled = mode === 'installed' || mode === 'local'
  return {
    title: `Install ${node} at its next network boot?`,
    text: `The installation erases the disk of ${node}. slipway does not restart the machine.`,
    act: `Arm ${node}`,
    isDangerous: true,
    ...(isInstalled && { typed: node }),
  }
}

/** @param verb starts the question */
function power(node: string, action: string, verb: string, text: string): Promise<boolean> {
  return confirmed(
    { title: `${verb} ${node}?`, text, act: `${verb} ${node}`, isDangerous: action !== 'on' },
    () => post(`/v1/nodes/${node}/power/${action}`),
    `${verb}: ${node}`,
  )
}

async function installNow(node: string, mode: string): Promise<boolean> {
  const question = {
    ...armQuestion(node, mode),
    title: `Install ${node} now?`,
    text: `slipway restarts ${node} from the network. The installation erases its disk.`,
    act: `Install ${node} now`,
    typed: node,
  }
  if (!(await ask(question))) return false
  const { powerProblem } = (await post(`/v1/nodes/${node}/install?power=true`)) as {
    readonly powerProblem?: { readonly reason: string }
  }
  if (powerProblem === undefined) toast(`${node} is armed and restarted`)
  else toast(`${node} is armed, but was not restarted: ${powerProblem.reason}`, true)
  return true
}

function approve({ cluster = '', request = '', reason = '', requestor = '' }: Data): Promise<boolean> {
  return confirmed(
    {
      title: `Approve ${request} of ${cluster}?`,
      text: [
        h('p', {}, `slipway does not approve it: ${reason}.`),
        h(
          'p',
          {},
          'Requested by ',
          h('code', {}, requestor),
          '. Approve it only if you know this machine: it can become a node of the cluster.',
        ),
      ],
      act: `Approve ${request}`,
      isDangerous: true,
    },
    () => post(`/v1/clusters/${cluster}/csrs/${encodeURIComponent(request)}/approve`),
    `${request} is approved`,
  )
}

function bootstrap(cluster: string, command: string, verb: string, text: string): Promise<boolean> {
  const name = `the bootstrap of ${cluster}`
  return confirmed(
    { title: `${verb} ${name}?`, text, act: `${verb} ${name}` },
    () => post(`/v1/clusters/${cluster}/bootstrap/${command}`),
    `${verb}: ${name}`,
  )
}

async function reload(): Promise<boolean> {
  const { changes, troubles } = (await post('/v1/plan')) as { changes: Changes; troubles: readonly string[] }
  const isPossible = changes.restart.length === 0
  const agreed = await ask({
    title: 'Reload the site file?',
    text: changesText(changes, troubles),
    act: isPossible ? 'Reload the site file' : 'Try to reload the site file',
    isDangerous: !isPossible,
  })
  if (!agreed) return false
  const { nodes } = (await post('/v1/reload')) as { nodes: number }
  toast(`The site file is reloaded: slipway serves ${nodes} nodes`)
  return true
}

async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
    toast('Copied')
  } catch {
    // Without HTTPS, or without the permission, browsers have no clipboard.
    toast(`Copy this text: ${text}`)
  }
}
