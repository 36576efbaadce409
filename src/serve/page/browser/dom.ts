/**
 * Builds elements, and patches the document so that it equals newly built elements. Elements that did not change stay:
 * the focus, the selection, and the scroll position survive an update. Styles are set through CSSOM, because the
 * Content-Security-Policy forbids style attributes.
 */

export type Child = Node | string | number | false | undefined | readonly Child[]

export type Properties = {
  readonly [name: string]: string | number | boolean | undefined
  /** Identifies the element among its siblings across updates. */
  readonly key?: string
}

/** Creates an element; `class`, `data-…`, `aria-…`, and all other properties are attributes. */
export function h(tag: string, properties: Properties = {}, ...children: Child[]): HTMLElement {
  return fill(document.createElement(tag), properties, children)
}

/** Creates an element of SVG. */
export function svg(tag: string, properties: Properties = {}, ...children: Child[]): SVGElement {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), properties, children)
}

function fill<E extends Element>(element: E, properties: Properties, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue
    if (name === 'key') element.setAttribute('data-key', String(value))
    else element.setAttribute(name, value === true ? '' : String(value))
  }
  append(element, children)
  return element
}

function append(parent: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === undefined || child === false) continue
    if (Array.isArray(child)) append(parent, child as readonly Child[])
    else parent.append(typeof child === 'number' ? String(child) : (child as Node | string))
  }
}

/** Makes the children of `live` equal to `children`. */
export function update(live: Element, ...children: Child[]): void {
  const next = live.cloneNode(false) as Element
  append(next, children)
  patchChildren(live, next)
}

/** Makes `live` equal to `next`, which has the same tag. */
export function patch(live: Element, next: Element): void {
  for (const { name } of [...live.attributes]) {
    // The user opens and closes details, and the list of nodes has its own updates.
    if (name !== 'open' && !next.hasAttribute(name)) live.removeAttribute(name)
  }
  for (const { name, value } of [...next.attributes]) {
    if (live.getAttribute(name) !== value) live.setAttribute(name, value)
  }
  if (!live.hasAttribute('data-managed')) patchChildren(live, next)
}

function patchChildren(live: Element, next: Element): void {
  const byKey = new Map<string, Element>()
  for (const child of live.children) {
    const key = keyOf(child)
    if (key !== null) byKey.set(key, child)
  }
  let at = live.firstChild
  for (const wanted of [...next.childNodes]) {
    const key = keyOf(wanted)
    const match = key === null ? at : (byKey.get(key) ?? null)
    if (match === null || !isSameKind(match, wanted) || keyOf(match) !== key) {
      live.insertBefore(wanted, at)
      continue
    }
    if (match === at) at = at.nextSibling
    else moveBefore(live, match, at)
    if (match instanceof Element) patch(match, wanted as Element)
    else if (match.nodeValue !== wanted.nodeValue) match.nodeValue = wanted.nodeValue
  }
  while (at !== null) {
    const following = at.nextSibling
    at.remove()
    at = following
  }
}

function keyOf(node: Node): string | null {
  return node instanceof Element ? node.getAttribute('data-key') : null
}

function isSameKind(a: Node, b: Node): boolean {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName
}

/** Moves a child; browsers with `moveBefore` keep its focus. Without focus, the older method is faster. */
export function moveBefore(parent: Element, child: Node, before: Node | null): void {
  if ('moveBefore' in parent && child.contains(document.activeElement))
    (parent as MoveParent).moveBefore(child, before)
  else parent.insertBefore(child, before)
}

type MoveParent = { moveBefore(child: Node, before: Node | null): void }
