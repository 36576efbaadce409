/**
 * Starts the page: the session, the feed, and the views. Events only change the state; the document is updated at most
 * once per frame. The data of a view other than the rack is requested while the view is open.
 */
import { act } from './actions.ts'
import { ApiError, get, logIn, logOut, readSession } from './api.ts'
import { clusterView, type ClusterPage } from './cluster-view.ts'
import { toast } from './dialogs.ts'
import { h, update } from './dom.ts'
import { connectFeed } from './feed-client.ts'
import { headerView, noticeView } from './header-view.ts'
import { readLog } from './log-view.ts'
import { loginView } from './login-view.ts'
import { networkView } from './network-view.ts'
import { nodeView } from './node-view.ts'
import { filtersOf, ownersOf, queryOf, type Filters } from './rack-model.ts'
import { rackView, updateRows } from './rack-view.ts'
import { routeOf, type Route } from './route.ts'
import { serverView } from './server-view.ts'
import { applyOrder, applyRows, applySummary, createState } from './state.ts'
import type {
  Explanation,
  HistoryEntry,
  Node,
  NodeLog,
  NodePage,
  Power,
  ServerPage,
  Summary,
} from './types.ts'

const state = createState()
let route = routeOf(location.hash)
let isLoggedIn = false
let loginProblem = ''
let feed: { close(): void } | undefined

/** What was requested for the open view. */
const data: {
  node: NodePage | undefined
  explanation: Explanation | undefined
  /** Why the BMC does not respond, if it is a text. */
  power: Power | string | undefined
  /** Why it cannot be read, if it is a text. */
  log: NodeLog | string | undefined
  clusters: ClusterPage | undefined
  server: ServerPage | undefined
  history: readonly HistoryEntry[]
} = {
  node: undefined,
  explanation: undefined,
  power: undefined,
  log: undefined,
  clusters: undefined,
  server: undefined,
  history: [],
}

const pollMs = 3000
const tickMs = 1000
const announceMs = 2000

const element = (id: string): HTMLElement => document.getElementById(id) as HTMLElement
const serverNow = (): number => Date.now() + state.clockOffsetMs
const filters = (): Filters => filtersOf(route.query)

// Rendering.

let isRequested = false

function requestRender(): void {
  if (isRequested) return
  isRequested = true
  requestAnimationFrame(() => {
    isRequested = false
    render()
  })
}

function render(): void {
  update(element('header'), headerView(state, route))
  update(element('notice'), isLoggedIn && noticeView(state, Date.now()))
  update(element('content'), isLoggedIn ? viewOf(route) : loginView(loginProblem))
  document.body.classList.toggle('stale', state.connection.kind === 'lost')
  if (!isLoggedIn || route.view !== 'rack') return
  updateRows(element('rows'), state, filters(), serverNow())
  if (isFirst && state.nodes.size > 0) {
    isFirst = false
    // For measurements, with the tools of the browser.
    performance.mark('first-rows')
  }
}

/** Whether no node was shown yet. */
let isFirst = true

function viewOf({ view, node }: Route): Element {
  switch (view) {
    case 'rack':
      return rackView(state, filters())
    case 'node':
      return nodeView(node, data.node, data.explanation, data.power, data.log, serverNow())
    case 'clusters':
      return clusterView(data.clusters, serverNow())
    case 'network':
      return networkView(data.server, ownersOf(state), serverNow())
    case 'server':
      return serverView(data.server, data.history, serverNow())
  }
}

// Data.

async function load(): Promise<void> {
  if (!isLoggedIn) return
  const { view, node } = route
  try {
    if (view === 'node') await loadNode(node)
    else if (view === 'clusters') {
      const [clusters, requests, balancer] = await Promise.all([
        get('/v1/clusters'),
        get('/v1/csrs'),
        get('/v1/page/load-balancer'),
      ])
      data.clusters = { clusters, requests, balancer } as ClusterPage
    } else if (view !== 'rack') {
      data.server = (await get('/v1/page/server')) as ServerPage
      if (view === 'server') data.history = (await get('/v1/history')) as HistoryEntry[]
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (error.status === 401) await checkSession()
    else if (error.status !== 0) toast(error.message, true)
  }
  requestRender()
}

async function loadNode(node: string): Promise<void> {
  const page = (await get(`/v1/page/nodes/${node}`)) as NodePage
  if (route.node !== node) return
  data.node = page
  requestRender()
  if (page.hasBmc) void loadPower(node)
  if (page.hasSyslog) void loadLog(node)
  data.explanation ??= (await get(`/v1/nodes/${node}/explain`)) as Explanation
}

/** BMCs are slow, and have few sessions. */
const powerPollMs = 15_000
let powerReadAt = -Infinity

/** @param isForced after an action */
async function loadPower(node: string, isForced = false): Promise<void> {
  if (!isForced && performance.now() - powerReadAt < powerPollMs) return
  powerReadAt = performance.now()
  const power = await get(`/v1/nodes/${node}/power`).then(
    (report) => report as Power,
    (error: unknown) => (error as Error).message,
  )
  if (route.node === node) data.power = power
  requestRender()
}

async function loadLog(node: string): Promise<void> {
  const before = typeof data.log === 'object' ? data.log : undefined
  const log = await readLog(node, before)
  if (route.node === node) data.log = log
  requestRender()
}

async function checkSession(): Promise<void> {
  try {
    isLoggedIn = await readSession()
  } catch {
    // The server does not respond: the feed reconnects.
    return
  }
  if (isLoggedIn) connect()
  else {
    feed?.close()
    feed = undefined
  }
  requestRender()
}

function connect(): void {
  feed ??= connectFeed(() => state.lastId, { onEvent, onLost, onRefused })
}

function onEvent(type: 'rows' | 'order' | 'summary', content: unknown, id: string | undefined): void {
  state.connection = { kind: 'live' }
  if (id !== undefined) state.lastId = id
  if (type === 'rows') announce(applyRows(state, content as Node[]))
  else if (type === 'order') applyOrder(state, content as string[])
  else applySummary(state, content as Summary, Date.now())
  requestRender()
}

function onLost(): void {
  if (isLoggedIn && state.connection.kind !== 'lost') state.connection = { kind: 'lost', since: Date.now() }
  requestRender()
}

function onRefused(): void {
  void checkSession()
}

// Problems are announced together: screen readers must not read a storm of them.

let unannounced: string[] = []
let lastAnnounced = 0

function announce(appeared: readonly Node[]): void {
  if (appeared.length === 0) return
  if (unannounced.length === 0) setTimeout(announceNow, Math.max(0, lastAnnounced + announceMs - Date.now()))
  unannounced.push(...appeared.map(({ node, symptom }) => `${node} ${symptom?.saw ?? ''}`))
}

function announceNow(): void {
  const [first = '', ...others] = unannounced
  element('announcer').textContent =
    others.length === 0 ? first : `${first}, and ${others.length} more problems`
  unannounced = []
  lastAnnounced = Date.now()
}

// Input.

function setFilters(change: Partial<Filters>): void {
  const query = queryOf({ ...filters(), ...change })
  history.replaceState(null, '', `#/rack${query === '' ? '' : `?${query}`}`)
  route = routeOf(location.hash)
  requestRender()
}

async function onAction(target: HTMLElement): Promise<void> {
  const { action = '', value = '' } = target.dataset
  if (action === 'filter-state') setFilters({ state: value as Filters['state'] })
  else if (action === 'log-out') {
    await logOut()
    await checkSession()
  } else if (await act(action, target.dataset)) {
    if (data.node?.hasBmc === true) await loadPower(route.node, true)
    await load()
  }
}

document.addEventListener('click', ({ target }) => {
  const button = (target as Element).closest<HTMLElement>('[data-action]')
  if (button !== null) void onAction(button)
})

document.addEventListener('input', ({ target }) => {
  if (!(target instanceof HTMLInputElement || target instanceof HTMLSelectElement)) return
  if (target.id === 'filter-text') setFilters({ text: target.value })
  else if (target.dataset['filter'] !== undefined) setFilters({ [target.dataset['filter']]: target.value })
})

document.addEventListener('submit', (event) => {
  if ((event.target as Element).id !== 'login') return
  event.preventDefault()
  const field = element('token') as HTMLInputElement
  void logIn(field.value.trim()).then(
    () => {
      loginProblem = ''
      return checkSession()
    },
    (error: unknown) => {
      loginProblem = (error as Error).message
      requestRender()
    },
  )
})

/** `/` moves to the search, and the numbers select the views. */
document.addEventListener('keydown', (event) => {
  const isTyping = (event.target as Element).matches('input, select, textarea, dialog *')
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return
  const view = { 1: 'rack', 2: 'clusters', 3: 'network', 4: 'server' }[event.key]
  if (view !== undefined) location.hash = `#/${view}`
  else if (event.key === '/' && route.view === 'rack') {
    event.preventDefault()
    element('filter-text').focus()
  }
})

window.addEventListener('hashchange', () => {
  const before = route
  route = routeOf(location.hash)
  if (before.node !== route.node) {
    data.node = data.explanation = data.power = data.log = undefined
    powerReadAt = -Infinity
  }
  if (before.view !== route.view || before.node !== route.node) {
    window.scrollTo(0, 0)
    element('content').focus({ preventScroll: true })
  }
  document.title = `${route.node === '' ? route.view.charAt(0).toUpperCase() + route.view.slice(1) : route.node} - slipway`
  void load()
  requestRender()
})

setInterval(requestRender, tickMs)
setInterval(() => {
  if (!document.hidden) void load()
}, pollMs)
document.addEventListener('visibilitychange', requestRender)

update(element('content'), h('p', { class: 'empty' }, 'Connecting to the server.'))
// At the same time as the request for the session, which ends the feed if there is none.
connect()
await checkSession()
requestRender()
await load()
