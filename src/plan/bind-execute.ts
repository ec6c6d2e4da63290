/**
 * EXECUTE: its arguments as values of the prepared statement's parameters.
 *
 * Hides nothing. Invariant: arguments are constants, by place or all by name.
 */
import type { ExecuteArgument } from '../sql/ast-command.ts';
import { sqlError } from '../sql/frame.ts';
import { foldName } from '../base/names.ts';
import { bindConstant } from './bind-constant.ts';
import type { ParameterSet } from './parameter.ts';
import { checkNames } from './parameter-value.ts';
import type { GivenValues } from './parameter-value.ts';

/**
 * The values of `target`'s parameters. `own` are those of the EXECUTE itself, which can have none.
 * @throws `sql_bind` for what is no constant, `request_invalid` for missing and surplus ones
 */
export function valuesOfExecute(
  sql: string,
  own: ParameterSet,
  args: readonly ExecuteArgument[],
  target: ParameterSet,
): GivenValues {
  const [stray] = own.slots;
  if (stray?.spans[0] !== undefined) {
    throw sqlError(
      'sql_unsupported',
      sql,
      stray.spans[0],
      'a parameter among the values of EXECUTE is not supported',
    );
  }
  const names = args.map(({ name }, i) => name?.name ?? (i + 1).toString());
  checkNames(target, names);
  const places = new Map(names.map((name, i) => [foldName(name), i]));
  return target.slots.map(({ name }) => {
    const arg = args[places.get(foldName(name)) ?? 0] as ExecuteArgument;
    return bindConstant(sql, arg.value, 'EXECUTE');
  });
}
