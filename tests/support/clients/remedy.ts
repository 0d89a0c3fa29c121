// What a client does about each code of both faces. A code that is added to either document and
// not handled here does not pass the type checker.

import type { ErrorCode } from "./generated/graphql/graphql.js";
import type { components } from "./generated/rest.js";

export type Code = ErrorCode | components["schemas"]["ErrorCode"];
export type Remedy = "beside the field" | "read again" | "report" | "show" | "sign in" | "wait";

// At run time a newer service may send a code that this client does not know yet.
function assertNever(_: never): "show" {
  return "show";
}

export function remedyOf(code: Code): Remedy {
  switch (code) {
    case "invalid_type":
    case "too_long":
    case "invalid_characters":
    case "sso_managed_field":
    case "unknown_field":
    case "avatar_malformed":
    case "avatar_too_large":
    case "avatar_unsupported_type":
    case "avatar_animated":
    case "avatar_dimensions":
    case "avatar_corrupt":
      return "beside the field";
    case "conflict":
    case "precondition_failed":
      return "read again";
    case "unauthenticated":
      return "sign in";
    case "rate_limited":
    case "request_timeout":
    case "unavailable":
      return "wait";
    case "forbidden":
    case "not_found":
    case "tenant_mismatch":
      return "show";
    case "headers_too_large":
    case "internal_error":
    case "invalid_argument":
    case "invalid_http":
    case "invalid_query":
    case "invalid_tenant_id":
    case "malformed_json":
    case "method_not_allowed":
    case "payload_too_large":
    case "unsupported_media_type":
      return "report";
    default:
      return assertNever(code);
  }
}

export function forgetful(code: Code): string {
  switch (code) {
    case "too_long":
      return code;
    default:
      // @ts-expect-error: all other codes are forgotten
      return assertNever(code);
  }
}
