/** Codes of hooks: why an event did not reach its command or webhook. */
import { defineCodes } from '../../text/codes.ts'

export const hookCodes = defineCodes({
  'hook.delivery-failed': {
    meaning: 'The last attempt to deliver an event to a hook failed',
    remedy: 'Fix the cause that the message names, and check it with slipway hooks test NAME',
  },
  'hook.secret-unusable': {
    meaning:
      'The file with the secret or with the CA certificates of a webhook cannot be used, so no event is sent',
    remedy: 'Create the file as docs/hooks.md describes: owned by the service user, with mode 0400 or 0600',
  },
  'hook.events-dropped': {
    meaning: 'Events for a hook were dropped in the last hour, because its receiver failed or was too slow',
    remedy: 'Fix the receiver, and find the missed events with slipway status and slipway log NODE',
  },
})

export type HookCode = keyof typeof hookCodes
