/**
 * Text in Flight's byte fields: SQL, names, criteria.
 *
 * Hides the decoder. Invariant: bytes that are not UTF-8 are refused, never replaced.
 */
import { EngineError } from '../base/errors.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Decodes UTF-8; `what` names the field in the message. @throws `request_invalid` */
export function decodeText(bytes: Uint8Array, what: string): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new EngineError('request_invalid', `${what} is not UTF-8 text (${bytes.byteLength.toString()} bytes)`, {
      cause,
    });
  }
}
