/** Questions before an action: each names the machine, and asks once. Installed nodes need their name to be typed. */
import { h, update, type Child } from './dom.ts'

export type Question = {
  readonly title: string
  readonly text: Child
  /** The text of the button that acts. */
  readonly act: string
  readonly isDangerous?: boolean
  /** What the user must type first. */
  readonly typed?: string
}

/** Resolves to whether the user agreed. */
export function ask({ title, text, act, isDangerous = false, typed }: Question): Promise<boolean> {
  const dialog = document.getElementById('dialog') as HTMLDialogElement
  const confirm = h(
    'button',
    {
      type: 'submit',
      value: 'act',
      class: isDangerous ? 'danger' : 'primary',
      disabled: typed !== undefined,
    },
    act,
  )
  const field = h('input', {
    id: 'dialog-typed',
    autocomplete: 'off',
    spellcheck: 'false',
    autocapitalize: 'off',
  })
  field.addEventListener('input', () => {
    confirm.toggleAttribute('disabled', (field as HTMLInputElement).value.trim() !== typed)
  })
  update(dialog)
  dialog.append(
    h(
      'form',
      { method: 'dialog' },
      h('h2', { id: 'dialog-title' }, title),
      h('div', { class: 'dialog-text' }, text),
      typed !== undefined &&
        h('label', { for: 'dialog-typed' }, 'Type ', h('b', {}, typed), ' to confirm', field),
      h(
        'div',
        { class: 'dialog-buttons' },
        h('button', { type: 'submit', value: 'cancel' }, 'Cancel'),
        confirm,
      ),
    ),
  )
  dialog.returnValue = ''
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'act'), { once: true })
  })
}

/** Shows the result of an action; screen readers announce it. */
export function toast(text: string, isFailure = false): void {
  const element = h('p', { class: isFailure ? 'toast bad' : 'toast' }, text)
  document.getElementById('toasts')?.append(element)
  setTimeout(() => element.remove(), isFailure ? 12_000 : 6000)
}
