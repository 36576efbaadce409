/** Adds an undeclared machine to the site file: a form, then the entry and the plan, which the user confirms. */
import { ApiError, canAdminister, post } from './api.ts'
import { changesText } from './changes-view.ts'
import { ask, toast, type Question } from './dialogs.ts'
import { h, type Child } from './dom.ts'
import { copyable, icon } from './parts.ts'
import type { Owners } from './rack-model.ts'
import type { Planned } from './types.ts'

const roles = ['worker', 'infra', 'master', 'arbiter', 'single', 'bootstrap'] as const

type Values = {
  readonly name: string
  readonly role: string
  readonly address: string
  /** The cluster or the group. */
  readonly cluster: string
}

export async function adopt(mac: string, owners: Owners): Promise<boolean> {
  const [first = ''] = [...owners.clusters, ...owners.groups]
  let values: Values = { name: '', role: 'worker', address: '', cluster: first }
  for (let problem = ''; ;) {
    if (!(await ask(formQuestion(mac, owners, values, problem)))) return false
    values = readForm(values)
    const { name, role, address, cluster } = values
    const node = {
      ...{ name, macs: [mac], addresses: address.split(/[\s,]+/) },
      // Machines of groups have no role.
      ...(!owners.groups.includes(cluster) && { role }),
      ...(cluster !== '' && { cluster }),
    }
    try {
      return await confirmPlan((await post('/v1/nodes', node)) as Planned, node)
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 0) throw error
      problem = error.message
    }
  }
}

function formQuestion(
  mac: string,
  { clusters, groups }: Owners,
  { name, role, address, cluster }: Values,
  problem: string,
): Question {
  const roleSelect = select('adopt-role', 'Role', roles, role)
  roleSelect.hidden = groups.includes(cluster)
  const ownerTitle = groups.length === 0 ? 'Cluster' : clusters.length === 0 ? 'Group' : 'Cluster or group'
  const ownerSelect = select('adopt-cluster', ownerTitle, [...clusters, ...groups], cluster)
  ownerSelect.addEventListener('change', ({ target }) => {
    roleSelect.hidden = groups.includes((target as HTMLSelectElement).value)
  })
  const field = (id: string, title: string, value: string, hint: string) =>
    h(
      'label',
      { for: id },
      title,
      h('input', { id, value, placeholder: hint, required: true, autocomplete: 'off', spellcheck: 'false' }),
    )
  return {
    title: `Add ${mac} to the site file?`,
    text: [
      problem !== '' && h('p', { class: 'problem', role: 'alert' }, icon('problem'), h('span', {}, problem)),
      field('adopt-name', 'Name', name, 'w4'),
      clusters.length + groups.length > 1 && ownerSelect,
      roleSelect,
      field('adopt-address', 'Address that DHCP assigns', address, '172.16.0.34'),
      h(
        'p',
        { class: 'dim' },
        'The next step shows the entry and what it changes. Nothing is written before.',
      ),
    ],
    act: 'Show the plan',
  }
}

function select(id: string, title: string, options: readonly string[], selected: string): HTMLElement {
  return h(
    'label',
    { for: id },
    title,
    h(
      'select',
      { id },
      options.map((option) => h('option', { value: option, selected: option === selected }, option)),
    ),
  )
}

function readForm(before: Values): Values {
  const valueOf = (id: string, otherwise: string): string =>
    (document.getElementById(id) as HTMLInputElement | null)?.value.trim() ?? otherwise
  return {
    name: valueOf('adopt-name', before.name),
    role: valueOf('adopt-role', before.role),
    address: valueOf('adopt-address', before.address),
    cluster: valueOf('adopt-cluster', before.cluster),
  }
}

async function confirmPlan(planned: Planned, node: object): Promise<boolean> {
  const { entry, file, line, node: key, base, changes, troubles } = planned
  if (planned.outcome === 'present') {
    toast(`${key} is already declared in ${file}, line ${line}`)
    return false
  }
  const content: Child = [
    h('p', {}, `Entry for ${file}, line ${line}:`),
    copyable(entry, `the entry of ${key}`),
    h('p', {}, 'With this entry, a reload changes:'),
    changesText(changes, troubles),
  ]
  if (!canAdminister()) {
    const hint = h('p', { class: 'dim' }, 'To write the file here, you need the scope admin.')
    await ask({ title: `Add ${key}`, text: [content, hint], act: 'Close' })
    return false
  }
  const agreed = await ask({
    title: `Write ${key} to the site file?`,
    text: content,
    act: `Add ${key} and reload`,
  })
  if (!agreed) return false
  await post('/v1/nodes', { ...node, base })
  await post('/v1/reload')
  toast(`${key} is declared and served`)
  return true
}
