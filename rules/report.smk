# report: one folder with the table, spectrograms, players and loss curves


localrules:
    make_report,


rule make_report:
    input:
        table=f"{STUDY}/table.json",
        prompts=f"{STUDY}/prompts.csv",
        samples=[f"{run_of(row, seed)}/samples" for row, seed in PLAN.rows()],
        logs=[
            f"{run_of(arm, seed)}/train.{end}"
            for arm in PLAN.arms
            for seed in PLAN.study.seeds
            for end in ("csv", "json")
        ],
    output:
        report(
            directory(f"{STUDY}/report"),
            htmlindex="index.html",
            category=PLAN.study.study,
        ),
    log:
        f"logs/{PLAN.study.study}/make_report.log",
    conda:
        "../envs/report.yaml"
    threads: 4
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        settings=canonical(settings_json(PLAN.study.report)),
        root=subpath(output[0], parent=True),
        code=code_identity(
            "make_report.py",
            {m for a in PLAN.arms for m in codec_code(PLAN.recipe(a).spectrogram)},
        ),
    message:
        "making the report"
    shell:
        'python "$MELABLATE_SCRIPTS"/make_report.py --settings {params.settings:q} --table {input.table:q}'
        " --prompts {input.prompts:q} --arms {params.root:q}/arms --threads {threads} --out {output:q} 2>&1 | tee {log:q}"
