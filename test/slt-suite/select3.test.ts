/**
 * Goal: all of SQLite's select3 is answered as the engines agreed. Method: see select.ts.
 */
import { testSelect } from './select.ts';

testSelect('select3.test', 3_351);
