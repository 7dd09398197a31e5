import { z } from 'zod';
import { issuerRoles, orderDraftSchema, regimeIdSchema } from './order.ts';
import { periodSchema } from './period.ts';

/** Dotted name of a rule or a ground, recorded in the ledger. */
export const ruleIdSchema = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)*$/, 'is no id of a rule, such as nl.issuer');

const rule = {
  /** Stable name, recorded in the ledger. */
  id: ruleIdSchema,
  /** Article, clause or decision; `[M]` marks what counsel has yet to confirm. */
  source: z.string().min(1).max(400),
};
const ruleSchema = z.strictObject(rule);

const draftShape = z.toJSONSchema(orderDraftSchema, { io: 'input', unrepresentable: 'any' });

/** Whether an order draft can have a member at this dotted path at all. */
function isDraftPath(path: string): boolean {
  let at: unknown = draftShape;
  for (const name of path.split('.')) {
    const properties = typeof at === 'object' && at !== null ? Reflect.get(at, 'properties') : undefined;
    if (typeof properties !== 'object' || properties === null || !Object.hasOwn(properties, name))
      return false;
    at = Reflect.get(properties, name);
  }
  return true;
}

const roleList = z.array(z.enum(issuerRoles)).max(issuerRoles.length);

const pattern = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => {
    try {
      return new RegExp(text, 'i') !== null;
    } catch {
      return false;
    }
  }, 'is no regular expression');

/** What grounds can be used for: asking the authority, refusing the order, an authority's objection. */
export const groundUses = ['clarify', 'refuse', 'object'] as const;
export type GroundUse = (typeof groundUses)[number];

/** The rules of one legal regime, as data. A change of a rule raises `version`. */
export const regimeSchema = z.strictObject({
  id: regimeIdSchema,
  version: z.iso.date(),
  title: z.string().min(1).max(200),
  type: z.enum(['produce', 'preserve']),
  /** Issuing State that a template is filled with. */
  issuingState: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .optional(),
  /** Members that it asks for beside those that every order needs. `path`: dots between members. */
  required: z.array(
    z.strictObject({ ...rule, path: z.string().refine(isDraftPath, 'is no member of an order') }),
  ),
  /** Roles that may issue it alone. */
  issuers: roleList,
  /** Roles that may issue it where a judge or court validated it. */
  issuersIfValidated: roleList,
  issuerRule: ruleSchema,
  /** Legal bases that do not carry traffic data: patterns, whatever the case. */
  refusedLegalBases: z.array(z.strictObject({ ...rule, pattern })),
  /** Absent periods: as ordered. `alarmBefore`: how long before its end an alarm is raised. */
  deadline: z
    .strictObject({
      ...rule,
      ordinary: periodSchema.optional(),
      emergency: periodSchema.optional(),
      alarmBefore: periodSchema,
      alarmBeforeEmergency: periodSchema,
    })
    .optional(),
  /** Another authority that must be notified; release waits, but for emergencies. */
  notification: z
    .strictObject({
      ...rule,
      wait: periodSchema,
      objectWithin: periodSchema,
      objectWithinEmergency: periodSchema,
    })
    .optional(),
  /**
   * Of orders to preserve: for how long from their receipt, by how much the issuing authority may have that
   * extended and how often, and for how long once it has confirmed that an order to produce follows, from the
   * confirmation, which may come again.
   */
  preservation: z
    .strictObject({
      ...rule,
      period: periodSchema,
      extension: periodSchema,
      extensions: z.int().min(0).max(12),
      confirmed: periodSchema,
    })
    .optional(),
  /** What must follow an emergency order, from its receipt. */
  emergencyFollowUps: z.array(z.strictObject({ ...rule, within: periodSchema })).max(8),
  grounds: z.array(
    z.strictObject({
      ...rule,
      uses: z.array(z.enum(groundUses)).min(1),
      /** Asking for this reason, the clock stands still until the answer. */
      stopsClock: z.boolean().optional(),
    }),
  ),
});
export type RegimeFile = z.infer<typeof regimeSchema>;
