/** How threads take part in a packet capture: what their sockets look at, and the messages between them. */
import type { CapturedFrame, CaptureFilter, Recorder } from './recorder.ts'

/** What the sockets of a thread look at: absent unless a capture runs. */
export type Recording = { recorder: Recorder | undefined }

/** The message to a lane: the filter of a capture that starts, or null at its end. */
export type CaptureMessage = { readonly capture: CaptureFilter | null }

export function isCaptureMessage(message: unknown): message is CaptureMessage {
  return typeof message === 'object' && message !== null && 'capture' in message
}

/** What a lane in the main thread uses. */
export type LaneTap = {
  /** Calls `send` when a capture starts or ends, and now if one runs. Returns a function that ends this. */
  watch(send: (message: CaptureMessage) => void): () => void
  /** Takes frames that a lane recorded. */
  receive(frames: readonly CapturedFrame[]): void
}
