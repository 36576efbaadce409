/** The login: a token that an administrator created on the server. */
import { h } from './dom.ts'
import { icon } from './parts.ts'

export function loginView(problem: string): Element {
  return h(
    'div',
    { class: 'login', key: 'login' },
    h('h1', {}, 'Log in to slipway'),
    h('p', {}, 'Create a token on the server, and paste it here:'),
    h('p', {}, h('code', {}, 'slipway token create NAME --scope operate')),
    h(
      'form',
      { id: 'login' },
      h('label', { for: 'token' }, 'Token'),
      h('input', {
        id: 'token',
        name: 'token',
        type: 'password',
        autocomplete: 'current-password',
        required: true,
      }),
      problem !== '' && h('p', { class: 'problem', role: 'alert' }, icon('problem'), h('span', {}, problem)),
      h('button', { type: 'submit', class: 'primary' }, 'Log in'),
    ),
  )
}
