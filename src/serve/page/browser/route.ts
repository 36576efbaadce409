/** The view in the fragment of the address: `#/rack?state=problem`, `#/node/ocp45/w1`. Pure. */

export type Route = {
  readonly view: 'rack' | 'node' | 'clusters' | 'network' | 'server'
  /** `<cluster>/<name>` for the view of a node, else empty. */
  readonly node: string
  readonly query: string
}

const views = ['clusters', 'network', 'server'] as const

export function routeOf(fragment: string): Route {
  const [path = '', query = ''] = fragment.replace(/^#\/?/, '').split('?')
  const [first, cluster = '', name = ''] = path.split('/')
  if (first === 'node' && cluster !== '' && name !== '')
    return { view: 'node', node: `${cluster}/${name}`, query }
  return { view: views.find((view) => view === first) ?? 'rack', node: '', query }
}
