//! A template's program with checks in it.
//!
//! The engine offers no hook where values are made, but it shows its compiler. The program is
//! compiled as ever; then a check of [`super::allowance`] is put behind every instruction that
//! makes a value, and behind reads of whole values. Jumps are moved accordingly.

use std::collections::BTreeMap;

use minijinja::machinery::{CodeGenerator, Instruction, Instructions, parse};
use minijinja::{Environment, Error, Value};

use super::allowance::{LISTED, MADE, SEEN, STORED, WEIGHED};

/// Marks an instruction's filter as one that is looked up by name each time.
const BY_NAME: u8 = !0;

/// The filters one program may number.
const NUMBERED_MAX: u8 = 50;

/// A compiled template: its main program and its named blocks.
pub(super) struct Program<'s> {
    pub main: Instructions<'s>,
    pub blocks: BTreeMap<&'s str, Instructions<'s>>,
}

impl<'s> Program<'s> {
    /// Compiles a source that went through [`super::shape`].
    pub fn new(name: &'s str, source: &'s str, env: &Environment<'_>) -> Result<Self, Error> {
        let tree = parse(source, name, env.syntax().clone())?;
        let mut generator = CodeGenerator::new(name, source);
        generator.compile_stmt(&tree);
        let (main, blocks) = generator.finish();
        let blocks = blocks.iter().map(|(name, block)| (*name, with_checks(block))).collect();
        Ok(Self { main: with_checks(&main), blocks })
    }
}

/// The same program with the checks in their places.
fn with_checks<'s>(program: &Instructions<'s>) -> Instructions<'s> {
    let first_free = first_free_number(program);
    let check = |name: &'static str, offset: u8| {
        let number = first_free.saturating_add(offset);
        let number = if number < NUMBERED_MAX { number } else { BY_NAME };
        Instruction::ApplyFilter(name, Some(1), number)
    };
    let mut checked = Instructions::new(program.name(), program.source());
    let (mut places, mut added, mut index) = (Vec::new(), 0, 0);
    while let Some(instruction) = program.get(index) {
        places.push(added);
        let mut add = |new: Instruction<'s>| {
            let place = match (program.get_span(index), program.get_line(index)) {
                (Some(span), _) => checked.add_with_span(new, span),
                (None, Some(line)) => {
                    checked.add_with_line(new, u16::try_from(line).unwrap_or(u16::MAX))
                }
                (None, None) => checked.add(new),
            };
            added = place + 1;
        };
        match instruction {
            // Printed like any value, a template's own text is counted like any value.
            Instruction::EmitRaw(text) => {
                add(Instruction::LoadConst(Value::from(*text)));
                add(Instruction::Emit);
            }
            Instruction::SetAttr(_) => {
                add(Instruction::Swap);
                add(check(STORED, 0));
                add(Instruction::Swap);
                add(instruction.clone());
            }
            other => {
                if compares(other) {
                    for _side in 0..2 {
                        add(check(WEIGHED, 4));
                        add(Instruction::Swap);
                    }
                }
                add(other.clone());
                match check_behind(program, index) {
                    Some(MADE) => add(check(MADE, 1)),
                    Some(LISTED) => add(check(LISTED, 2)),
                    Some(name) => add(check(name, 3)),
                    None => {}
                }
            }
        }
        index += 1;
    }
    places.push(added);
    move_jumps(&mut checked, &places);
    checked
}

/// The check that belongs behind an instruction. Every instruction is named, so that a new one in a
/// newer engine does not go unnoticed.
fn check_behind(program: &Instructions, index: u32) -> Option<&'static str> {
    use Instruction as I;
    match program.get(index)? {
        I::StringConcat
        | I::EndCapture
        | I::BuildMap(_)
        | I::BuildList(_)
        | I::BuildTuple(_)
        | I::BuildMacro(..)
        | I::CallFunction(..)
        | I::CallObject(_)
        | I::ExportLocals => Some(MADE),
        I::Add | I::Mul | I::Slice | I::ApplyFilter(..) | I::CallMethod(..) => Some(LISTED),
        I::Lookup(_) | I::GetAttr(_) | I::GetItem => {
            // A message's field is read through the message; only the field is looked at.
            let field = matches!(program.get(index + 1), Some(I::GetAttr(_) | I::SetAttr(_)));
            let item = matches!(program.get(index + 1), Some(I::LoadConst(_)))
                && matches!(program.get(index + 2), Some(I::GetItem));
            (!field && !item).then_some(SEEN)
        }
        // Numbers, booleans, and arguments of a call that is itself checked.
        I::Sub | I::Div | I::IntDiv | I::Rem | I::Pow | I::Neg => None,
        I::Eq | I::Ne | I::Gt | I::Gte | I::Lt | I::Lte | I::Not | I::In => None,
        I::CompareAndPreserve(_) | I::PerformTest(..) | I::IsUndefined => None,
        I::BuildKwargs(_) | I::MergeKwargs(_) | I::UnpackList(_) | I::UnpackLists(_) => None,
        // What was there before, the order of steps, and output, which is counted where it is
        // written.
        I::LoadConst(_) | I::DupTop | I::DiscardTop | I::Swap | I::StoreLocal(_) => None,
        I::SetAttr(_) | I::Enclose(_) | I::GetClosure | I::Return | I::FastRecurse => None,
        I::PushLoop(_) | I::PushWith | I::Iterate(_) | I::PushDidNotIterate => None,
        I::PopFrame | I::PopLoopFrame | I::PushAutoEscape | I::PopAutoEscape => None,
        I::Jump(_) | I::JumpIfFalse(_) | I::JumpIfFalseOrPop(_) | I::JumpIfTrueOrPop(_) => None,
        I::EmitRaw(_) | I::Emit | I::BeginCapture(_) | I::FastSuper | I::CallBlock(_) => None,
        I::LoadBlocks | I::Include(_) => None,
    }
}

/// Whether an instruction looks at two values to their last item.
fn compares(instruction: &Instruction) -> bool {
    use Instruction as I;
    matches!(
        instruction,
        I::Eq | I::Ne | I::Gt | I::Gte | I::Lt | I::Lte | I::In | I::CompareAndPreserve(_)
    )
}

fn first_free_number(program: &Instructions) -> u8 {
    let (mut first_free, mut index) = (0, 0);
    while let Some(instruction) = program.get(index) {
        if let Instruction::ApplyFilter(_, _, number) = instruction
            && *number < NUMBERED_MAX
        {
            first_free = first_free.max(number + 1);
        }
        index += 1;
    }
    first_free
}

fn move_jumps(program: &mut Instructions, places: &[u32]) {
    let mut index = 0;
    while let Some(instruction) = program.get_mut(index) {
        if let Instruction::Jump(target)
        | Instruction::JumpIfFalse(target)
        | Instruction::JumpIfFalseOrPop(target)
        | Instruction::JumpIfTrueOrPop(target)
        | Instruction::Iterate(target)
        | Instruction::BuildMacro(_, target, _) = instruction
        {
            *target = places[*target as usize];
        }
        index += 1;
    }
}
