/**
 * Generated code as text, for golden files and for people.
 *
 * Hides layout. Invariant: the text says all that the bytes do: `local = value`, instructions as calls, offsets of
 * memory accesses in brackets.
 */
import type { Code, FunctionCode, Local, Statement } from '../../src/codegen/code.ts';

function codeText(code: Code): string {
  if (code.op === 'get') return (code.immediate as Local).name;
  if (code.op === 'const') {
    const value = code.immediate as number | bigint | Uint8Array;
    const text = value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value.toString();
    return code.type === 'i32' ? text : `${code.type}:${text}`;
  }
  const place = typeof code.immediate === 'number' ? `[${code.immediate.toString()}]` : '';
  return `${code.op}${place}(${code.args.map(codeText).join(', ')})`;
}

function lines(statements: readonly Statement[], indent: string): string[] {
  return statements.flatMap((statement): string[] => {
    switch (statement.kind) {
      case 'set':
        return [`${indent}${statement.local.name} = ${codeText(statement.value)}`];
      case 'do': {
        const place = statement.offset === 0 ? '' : `[${statement.offset.toString()}]`;
        return [`${indent}${statement.op}${place}(${statement.args.map(codeText).join(', ')})`];
      }
      case 'loop':
      case 'block':
        return [`${indent}${statement.kind} ${statement.label.name}`, ...lines(statement.body, `${indent}  `)];
      case 'if': {
        const otherwise = statement.otherwise.length === 0 ? [] : [`${indent}else`];
        return [
          `${indent}if ${codeText(statement.condition)}`,
          ...lines(statement.taken, `${indent}  `),
          ...otherwise,
          ...lines(statement.otherwise, `${indent}  `),
        ];
      }
      case 'branch': {
        const condition = statement.condition === undefined ? '' : ` if ${codeText(statement.condition)}`;
        return [`${indent}branch ${statement.label.name}${condition}`];
      }
      case 'comment':
        return [`${indent}; ${statement.text}`];
    }
  });
}

/** A function as text, without a newline at its end. */
export function printFunction(code: FunctionCode): string {
  const params = code.params.map((local) => `${local.name}: ${local.type}`).join(', ');
  const result = code.result === undefined ? [] : [`  result ${codeText(code.result)}`];
  return [`function ${code.name}(${params})`, ...lines(code.body, '  '), ...result].join('\n');
}
